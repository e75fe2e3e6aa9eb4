/**
 * What the header of an MPEG audio Layer III frame says: format and size.
 *
 * Sources: ISO/IEC 11172-3 (MPEG-1) section 2.4, ISO/IEC 13818-3 (MPEG-2) section 2.4, and for MPEG-2.5 the decoders
 * that agree on it (mpg123, FFmpeg). A header is the big-endian 32-bit word that a frame begins with.
 */

/** What all frames of one stream have in common. Equal formats have equal `kind`s. */
export interface Format {
  /** The bits that say version, layer and sample rate, and whether it is mono. */
  readonly kind: number;
  /** In Hz. */
  readonly sampleRate: number;
  /** Samples of each channel that a frame holds: 1152 (MPEG-1) or 576. */
  readonly samplesPerFrame: number;
}

/** A valid Layer III header. `size` is the whole frame's in bytes. */
export interface Header {
  readonly format: Format;
  readonly size: number;
  /** Bytes of side info that follow the header. */
  readonly sideInfo: number;
}

export const HEADER_BYTES = 4;

// Left out are checksum, private, mode extension, copyright, original, emphasis: they say nothing about size or format.
const SIZE_MASK = 0xfffe_fec0 | 0;
const AGREE_MASK = 0xfffe_0c00 | 0;
const SYNC = 0xffe0_0000 | 0;
const MODE_MASK = 0xc0;
const MONO = 0xc0;
const LAYER_III = 1;

type Version = "1" | "2" | "2.5";
const VERSIONS: readonly (Version | undefined)[] = ["2.5", undefined, "2", "1"];
const SAMPLE_RATES: Readonly<Record<Version, readonly number[]>> = {
  "1": [44_100, 48_000, 32_000],
  "2": [22_050, 24_000, 16_000],
  "2.5": [11_025, 12_000, 8_000],
};
// kbit/s by bit rate index. Index 0 is free format, which says no size; 15 is reserved.
const BITRATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/** The word at `at`; four bytes must be there. */
export function wordAt(data: Uint8Array, at: number): number {
  return (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
}

const known = new Map<number, Header | null>(); // at most 2^12 words: the bits of SIZE_MASK below sync and layer

/** The Layer III header in a 32-bit word; null if it is none, or says no size. */
export function readHeader(word: number): Header | null {
  if ((word & SYNC) !== SYNC || ((word >> 17) & 3) !== LAYER_III) return null;
  const bits = word & SIZE_MASK;
  let header = known.get(bits);
  if (header === undefined) {
    header = read(bits);
    known.set(bits, header);
  }
  return header;
}

function read(word: number): Header | null {
  const version = VERSIONS[(word >> 19) & 3];
  if (version === undefined) return null;
  const mpeg1 = version === "1";
  const sampleRate = SAMPLE_RATES[version][(word >> 10) & 3];
  const bitrate = (mpeg1 ? BITRATES_1 : BITRATES_2)[(word >> 12) & 15];
  if (!sampleRate || !bitrate) return null;
  const samplesPerFrame = mpeg1 ? 1152 : 576;
  const padding = (word >> 9) & 1;
  const mono = (word & MODE_MASK) === MONO;
  return {
    format: { kind: (word & AGREE_MASK) | Number(mono), sampleRate, samplesPerFrame },
    size: Math.floor(((samplesPerFrame / 8) * 1000 * bitrate) / sampleRate) + padding,
    sideInfo: mpeg1 ? (mono ? 17 : 32) : mono ? 9 : 17,
  };
}
