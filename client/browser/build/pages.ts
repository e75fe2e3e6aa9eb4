// Everything the pages need, under names that change with their content; beside each file its compressed forms.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { compile, type Made, ROOT } from "./compile.ts";

const BUNDLE = resolve(ROOT, "../../server/undertone/web/bundle");
const PAGES = ["home", "join", "watch"];
// For pages of others, which name no hash: the file behind the name is asked for anew, what it loads is not.
const STABLE: Readonly<Record<string, string>> = {
  "undertone.js": "src/define.ts",
  "undertone-candidate.js": "src/define-candidate.ts",
  "undertone-sidebar.js": "src/define-sidebar.ts",
  "undertone-room.js": "src/define-room.ts",
};

export async function pages(): Promise<void> {
  rmSync(BUNDLE, { recursive: true, force: true });
  mkdirSync(BUNDLE, { recursive: true });
  const scripts = PAGES.map((page) => `src/pages/${page}.ts`);
  const entries = [...scripts, "src/pages/page.css", "src/pages/favicon.svg", ...Object.values(STABLE)];
  const made = await compile(entries, BUNDLE, "[name]-[hash]");
  const html = readFileSync(join(ROOT, "src/pages/page.html"), "utf8");
  for (const page of PAGES) {
    writeFileSync(join(BUNDLE, `${page}.html`), withNames(html.replaceAll("PAGE", page), made));
  }
  for (const [name, entry] of Object.entries(STABLE)) {
    writeFileSync(join(BUNDLE, name), `import "./${found(made, entry).file}";\n`);
  }
  for (const name of readdirSync(BUNDLE)) {
    if (!name.endsWith(".html")) compress(join(BUNDLE, name));
  }
}

/** `static/home.js` as it is called today, and a hint to fetch what it loads without waiting for it. */
function withNames(html: string, made: Map<string, Made>): string {
  return html.replace(
    /<[^<>]*"\$prefix\/static\/([\w-]+)\.(js|css|svg)"[^<>]*>/g,
    (tag, name: string, kind: string) => {
      const { file, loads } = found(made, `src/pages/${name}.${kind === "js" ? "ts" : kind}`);
      const hints = loads.map((each) => `<link rel="modulepreload" href="$prefix/static/${each}">`);
      return [...hints, tag.replace(`${name}.${kind}`, file)].join("\n");
    },
  );
}

function found(made: Map<string, Made>, entry: string): Made {
  const one = made.get(entry);
  if (!one) throw new Error(`nothing was built from ${entry}`);
  return one;
}

function compress(path: string): void {
  const data = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}
