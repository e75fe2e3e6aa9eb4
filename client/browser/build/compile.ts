// The recorder's worker and worklet are files of their own, whose names the code learns from here: they carry a hash
// where caches may keep them for ever.

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type BuildOptions, type BuildResult, build, type Metafile } from "esbuild";

export const ROOT = resolve(import.meta.dirname, "..");

const common: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  format: "esm",
  // The oldest that have what the elements use: light-dark() alone falls back in older ones, see README.
  target: ["chrome111", "edge111", "firefox115", "safari16.4"],
  minify: true,
  sourcemap: "linked",
  legalComments: "none",
  loader: { ".svg": "copy", ".wasm": "file" },
  metafile: true,
};

// What of others' is in the files, for whoever passes them on. LAME is in no package of its own: its encoder came compiled.
const LAME = `mp3.wasm holds the encoder of LAME 3.100 (https://lame.sourceforge.io), under the GNU Library General Public
License 2, as wasm-media-encoders compiled it. It is a file of its own, and another build of it may take its place.`;

/** A file that was made, and those that it loads at once, which load others in turn. */
export interface Made {
  file: string;
  loads: string[];
}

/** Builds the recorder's two files, then `entries`, which learn their names. What was made, by entry (`src/a/b.ts`). */
export async function compile(entries: string[], outdir: string, names: string): Promise<Map<string, Made>> {
  const options = { ...common, outdir, entryNames: names, assetNames: names };
  const recorder = ["src/recorder/worker.ts", "src/recorder/worklet.ts"];
  const first = await build({ ...options, entryPoints: recorder });
  const parts = made(first);
  const [worker, worklet] = recorder.map((entry) => JSON.stringify(`./${parts.get(entry)?.file}`));
  const define = { WORKER_FILE: worker as string, WORKLET_FILE: worklet as string };
  const rest = await build({ ...options, entryPoints: entries, splitting: true, chunkNames: "chunk-[hash]", define });
  forgetMaps(rest.metafile as Metafile);
  writeFileSync(join(outdir, "licences.txt"), licences([first, rest]));
  return new Map([...parts, ...made(rest)]);
}

/** The scripts of room providers: each map is as large as all of ours, and leads to a source that is compiled itself. */
function forgetMaps({ outputs }: Metafile): void {
  for (const [file, { inputs }] of Object.entries(outputs)) {
    const theirs = Object.keys(inputs).some((path) => /node_modules\/(livekit-client|@cloudflare)\//.test(path));
    if (!theirs || !file.endsWith(".js")) continue;
    const path = join(ROOT, file);
    writeFileSync(path, readFileSync(path, "utf8").replace(/\/\/# sourceMappingURL=\S+\s*$/, ""));
    rmSync(`${path}.map`);
  }
}

/** The licences of all packages that something was taken from. */
function licences(results: BuildResult[]): string {
  const inputs = results.flatMap(({ metafile }) => Object.keys((metafile as Metafile).inputs));
  const packages = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const texts = [...new Set(packages)].sort().map((name) => {
    const folder = join(ROOT, "node_modules", name);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (file) return `${name}\n\n${readFileSync(join(folder, file), "utf8").trim()}`;
    const { license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!license) throw new Error(`${name} has no licence`);
    return `${name}\n\n${license}, says its package.json; no text comes with it.`;
  });
  return `${[...texts, LAME].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

function made({ metafile }: BuildResult): Map<string, Made> {
  const { outputs } = metafile as Metafile;
  const found = new Map<string, Made>();
  for (const [file, output] of Object.entries(outputs)) {
    if (output.entryPoint) {
      found.set(output.entryPoint, {
        file: basename(file),
        loads: [...loadedBy(outputs, file)].map((at) => basename(at)),
      });
    }
  }
  return found;
}

function loadedBy(outputs: Metafile["outputs"], file: string, seen = new Set<string>()): Set<string> {
  for (const { path, kind } of outputs[file]?.imports ?? []) {
    if (kind === "import-statement" && !seen.has(path)) loadedBy(outputs, path, seen.add(path));
  }
  return seen;
}
