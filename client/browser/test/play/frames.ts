/** Where the frames of a file end, as one line of JSON: `node frames.ts file.mp3 bytes-fed-at-once`. */

import { readFileSync } from "node:fs";
import { FrameParser } from "../../src/session/frames.ts";

const [file, cut] = process.argv.slice(2) as [string, string];
const data = new Uint8Array(readFileSync(file));
const parser = new FrameParser();
const ends: number[] = [];
for (let at = 0; at < data.length; at += Number(cut)) ends.push(...parser.feed(data.subarray(at, at + Number(cut))));
process.stdout.write(`${JSON.stringify({ ends })}\n`);
