/**
 * `node --expose-gc bench/encoders.ts`: what an MP3 encoder costs a candidate's browser. The other one is measured too
 * where `npm install --no-save mediabunny @mediabunny/mp3-encoder` has brought it.
 */

import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { Mp3Encoder } from "../src/recorder/encoder.ts";
import { FrameParser } from "../src/session/frames.ts";
import { blocks, mix, noise, RATE, syllables, WASM } from "../test/recorder/sound.ts";

const MINUTE = mix(syllables(60, -22), noise(60, -60));
const MINUTES = Number(process.argv[2] ?? 60);

interface Encoder {
  encode(samples: Float32Array<ArrayBuffer>): Promise<void> | void;
  finish(): Promise<void> | void;
}

interface Result {
  gzippedKb: number;
  msPerSecond: number;
  firstBytesAfterMs: number;
  longestSilenceMs: number;
  information: string;
  grewMb: number;
}

/** `make` is given where the bytes go. */
async function measure(
  make: (take: (mp3: Uint8Array) => void) => Promise<Encoder>,
  sources: string[],
  gzipped: number,
) {
  let bytes = 0;
  let head = Buffer.alloc(0);
  let fedMs = 0;
  let lastMs = 0;
  const result = {
    gzippedKb: 0,
    msPerSecond: 0,
    firstBytesAfterMs: 0,
    longestSilenceMs: 0,
    information: "",
    grewMb: 0,
  };
  const encoder = await make((mp3) => {
    if (mp3.length === 0) return;
    if (bytes === 0) result.firstBytesAfterMs = fedMs;
    else result.longestSilenceMs = Math.max(result.longestSilenceMs, fedMs - lastMs);
    lastMs = fedMs;
    bytes += mp3.length;
    if (head.length < 4000) head = Buffer.concat([head, mp3]);
  });
  const play = async (): Promise<void> => {
    for (const block of blocks(MINUTE)) {
      fedMs += (block.length * 1000) / RATE;
      await encoder.encode(block as Float32Array<ArrayBuffer>);
    }
  };
  await play(); // compiled and warm
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const begun = process.cpuUsage();
  for (let minute = 1; minute < MINUTES; minute++) await play();
  const { user, system } = process.cpuUsage(begun);
  globalThis.gc?.();
  result.grewMb = (process.memoryUsage().rss - before) / 2 ** 20;
  result.msPerSecond = (user + system) / 1000 / (60 * (MINUTES - 1));
  await encoder.finish();
  const parser = new FrameParser();
  parser.feed(head);
  const words = ["Xing", "Info", "VBRI", "ID3"].filter((word) => head.includes(word));
  result.information = words.join(", ") || "none";
  result.gzippedKb = ((await bundled(sources)) + gzipped) / 1000;
  return result satisfies Result;
}

/** What a worker loads: modules bundled and minified, gzipped. */
async function bundled(lines: string[]): Promise<number> {
  const stdin = { contents: lines.join("\n"), resolveDir: import.meta.dirname };
  const { outputFiles } = await build({
    stdin,
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

async function ours(take: (mp3: Uint8Array) => void): Promise<Encoder> {
  const encoder = await Mp3Encoder.create(WASM, RATE);
  return { encode: (samples) => take(encoder.encode(samples)), finish: () => take(encoder.finish().rest) };
}

/** The other's way in: its registration with Mediabunny, whose output is a file format. It starts a worker of its own. */
async function theirs(take: (mp3: Uint8Array) => void): Promise<Encoder> {
  const [core, extension] = ["mediabunny", "@mediabunny/mp3-encoder"];
  const { AudioSample, AudioSampleSource, Mp3OutputFormat, Output, StreamTarget } = await import(core);
  (await import(extension)).registerMp3Encoder();
  const writable = new WritableStream({ write: ({ data }: { data: Uint8Array }) => take(data) });
  const output = new Output({ format: new Mp3OutputFormat({ xingHeader: false }), target: new StreamTarget(writable) });
  const source = new AudioSampleSource({ codec: "mp3", bitrate: 64000 });
  output.addAudioTrack(source);
  await output.start();
  let timestamp = 0;
  return {
    async encode(data) {
      const sample = new AudioSample({ data, format: "f32-planar", numberOfChannels: 1, sampleRate: RATE, timestamp });
      timestamp += data.length / RATE;
      await source.add(sample);
      sample.close();
    },
    finish: () => output.finalize(),
  };
}

const wasm = gzipSync(WASM, { level: 9 }).length;
console.log(`${MINUTES} minutes of mono at 48 kHz, 64 kbit/s`);
const table: Record<string, Result> = {
  "wasm-media-encoders": await measure(ours, ['export { createEncoder } from "wasm-media-encoders/esnext";'], wasm),
};
try {
  const names = "AudioSample, AudioSampleSource, Mp3OutputFormat, Output, StreamTarget";
  const loads = [
    `export { ${names} } from "mediabunny";`,
    'export { registerMp3Encoder } from "@mediabunny/mp3-encoder";',
  ];
  table["@mediabunny/mp3-encoder"] = await measure(theirs, loads, 0);
} catch (error) {
  console.log(`@mediabunny/mp3-encoder: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
}
console.table(table);
