/** Bytes in a queue: put in at the end, read anywhere, let go from the start. Nothing that is here is ever moved. */

/** As large as the largest message: 8 s of speech at 64 kbit/s; what was let go stays for at most so long. */
const BLOCK_BYTES = 64 * 1024;

/** Offsets count all bytes ever put in. */
export class Blocks {
  /** The first byte still here. */
  begin = 0;
  /** The byte that is put in next. */
  end = 0;
  /** All are full but the last. */
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Where the first block begins. */
  #origin = 0;

  /** How much memory is taken, in bytes. */
  get heldBytes(): number {
    return this.#blocks.length * BLOCK_BYTES;
  }

  /** Copies `data` in. */
  append(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const place = this.end - this.#origin;
      const index = Math.floor(place / BLOCK_BYTES);
      if (index === this.#blocks.length) this.#blocks.push(new Uint8Array(BLOCK_BYTES));
      const within = place % BLOCK_BYTES;
      const piece = data.subarray(at, at + BLOCK_BYTES - within);
      this.#blocks[index]!.set(piece, within);
      at += piece.length;
      this.end += piece.length;
    }
  }

  /** Everything before `offset` is no longer needed. */
  letGo(offset: number): void {
    if (offset <= this.begin) return;
    this.begin = Math.min(offset, this.end);
    const gone = Math.floor((this.begin - this.#origin) / BLOCK_BYTES);
    this.#blocks.splice(0, gone);
    this.#origin += gone * BLOCK_BYTES;
  }

  /** Some of the bytes from `offset` to before `until`, at least one if there is one. A view: not to be written to. */
  view(offset: number, until: number): Uint8Array<ArrayBuffer> {
    const place = offset - this.#origin;
    const within = place % BLOCK_BYTES;
    const length = Math.min(until, this.end) - offset;
    if (length <= 0) return new Uint8Array(0);
    return this.#blocks[Math.floor(place / BLOCK_BYTES)]!.subarray(within, Math.min(within + length, BLOCK_BYTES));
  }
}
