/**
 * The incremental parser: bytes cut anywhere in, ends of whole frames out.
 *
 * It finds the frames that the server finds, so that both count the same media time. While the frames follow each other
 * it only hops from header to header. At the start and after damage it searches: a sync word counts only if, one frame
 * further on, a second header agrees with it.
 */

import { type Format, HEADER_BYTES, type Header, readHeader, wordAt } from "./header.ts";

/** The server gives up after as much: 8 s of speech at 64 kbit/s. A stream without a frame for longer is no MP3. */
export const MAX_JUNK_BYTES = 64 * 1024;

const VBRI_AT = 36; // where Fraunhofer's encoder puts the name of its information frame
const EMPTY = new Uint8Array(0);

/** The bytes are no MP3: there is nothing to send. */
export class BadAudio extends Error {
  override readonly name = "BadAudio";
}

/** From byte `offset` on the frames have another format; a second header confirmed it. */
export interface FormatChange {
  readonly offset: number;
  readonly after: Format;
}

interface Candidate {
  readonly offset: number;
  readonly header: Header;
}

/**
 * Finds the Layer III frames of one stream, the same ones however the bytes are cut.
 *
 * Offsets count all bytes of the stream, from `offset` on. With a `format` the stream is known, and a first header that
 * agrees needs no second one. The end of the usable audio is a state, so that no frame before it gets lost: `bad` or
 * `change` is set, and nothing is found from then on.
 */
export class FrameParser {
  format: Format | null;
  bad: BadAudio | null = null;
  change: FormatChange | null = null;
  /** Up to here everything is decided. */
  #offset = 0;
  /** The bytes from there on: less than a frame, or up to 64 KiB while searching. */
  #tail: Uint8Array = EMPTY;
  #search: Search | null = null;

  constructor(offset = 0, format: Format | null = null) {
    this.format = format;
    this.reset(offset);
  }

  /** What follows are the bytes from `offset` on; an unfinished frame is given up. The format stays known. */
  reset(offset: number): void {
    this.#offset = offset;
    this.#tail = EMPTY;
    this.#search = this.format ? null : new Search(offset);
  }

  /** Take the next bytes; answer where the frames end that they complete. */
  feed(data: Uint8Array): number[] {
    const ends: number[] = [];
    if (this.bad || this.change) return ends;
    let bytes = joined(this.#tail, data);
    for (;;) {
      if (this.#search === null) bytes = this.#hop(bytes, ends);
      if (this.#search === null) break;
      const found = this.#search.advance(bytes);
      if (found === null || found instanceof BadAudio) {
        this.bad = found;
        break;
      }
      bytes = this.#found(found, bytes.subarray(found.offset - this.#offset));
      if (this.change) break;
    }
    this.#tail = this.bad || this.change ? EMPTY : bytes.slice();
    return ends;
  }

  /** From header to header, as far as whole frames are here and the headers agree; what is left. */
  #hop(bytes: Uint8Array, ends: number[]): Uint8Array {
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const header = readHeader(wordAt(bytes, at));
      if (header === null || header.format.kind !== this.format?.kind) {
        this.#search = new Search(this.#offset + at);
        break;
      }
      if (at + header.size > bytes.length) break;
      at += header.size;
      ends.push(this.#offset + at);
    }
    this.#offset += at;
    return bytes.subarray(at);
  }

  /** Frames begin with `bytes`. What is left to hop through. */
  #found({ offset, header }: Candidate, bytes: Uint8Array): Uint8Array {
    this.#offset = offset;
    this.format ??= header.format;
    if (this.format.kind !== header.format.kind) {
      this.change = { offset, after: header.format };
      return bytes;
    }
    this.#search = null;
    if (!isInformation(bytes, header)) return bytes;
    this.#offset += header.size;
    return bytes.subarray(header.size);
  }
}

/** One search, from byte `start` of the stream on: `advance` is called with all bytes since, until frames are found. */
class Search {
  readonly #start: number;
  #next: number; // the first byte not looked at
  readonly #awaited = new Map<string, Candidate>(); // where the second header must stand, and its kind → the first

  constructor(start: number) {
    this.#start = start;
    this.#next = start;
  }

  /** The first header that a second one confirms; null if more bytes are needed. */
  advance(bytes: Uint8Array): Candidate | BadAudio | null {
    const last = Math.min(bytes.length - HEADER_BYTES, MAX_JUNK_BYTES - 1);
    for (let at = this.#next - this.#start; at <= last; at += 1) {
      const header = bytes[at] === 0xff ? readHeader(wordAt(bytes, at)) : null;
      if (header === null) continue;
      const offset = this.#start + at;
      const first = this.#awaited.get(`${offset} ${header.format.kind}`);
      if (first) return first;
      const second = `${offset + header.size} ${header.format.kind}`;
      if (!this.#awaited.has(second)) this.#awaited.set(second, { offset, header });
    }
    this.#next = Math.max(this.#next, this.#start + last + 1);
    if (this.#next - this.#start < MAX_JUNK_BYTES) return null;
    return new BadAudio(`64 KiB from byte ${this.#start} on without two MP3 frame headers that agree`);
  }
}

/** Whether this whole frame tells of the stream (Xing, Info, VBRI) instead of being part of it. */
function isInformation(frame: Uint8Array, header: Header): boolean {
  const at = HEADER_BYTES + header.sideInfo;
  const name = nameAt(frame, at);
  return name === "Xing" || name === "Info" || nameAt(frame, VBRI_AT) === "VBRI";
}

function nameAt(frame: Uint8Array, at: number): string {
  return String.fromCharCode(...frame.subarray(at, at + 4));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (!first.length) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
