/** What runs here, and what a developer does next. */

import { html, type TemplateResult } from "lit";
import type { PagesStrings } from "../locale/pages.ts";
import type { Facts } from "./facts.ts";

export function aboutServer(t: PagesStrings, facts: Facts): TemplateResult {
  const { url, needs_api_key: key } = facts;
  const rows = [
    [t.version, facts.version],
    [t.address, html`<bdi>${url}</bdi>`],
    [t.analysis, t.analysisWhere[facts.analysis]],
    [t.database, t.databaseWhich[facts.database]],
    [t.rooms, facts.rooms],
    [t.creatingIs, t.creatingHow[key ? "key" : "open"]],
  ];
  return html`<section class="card stack" aria-labelledby="runs">
    <h2 id="runs">${t.runs}</h2>
    <dl>
      ${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  </section>`;
}

/** `copying` is a button that copies a text, and is described by what it is about. */
export function forDevelopers(
  t: PagesStrings,
  { url, needs_api_key: key }: Facts,
  copying: (text: string, about: string) => TemplateResult,
): TemplateResult {
  const code = (about: string, text: string): TemplateResult =>
    html`<div class="stack tight">
      <p class="small">${about}</p>
      <div class="code"><pre dir="ltr"><code>${text}</code></pre>${copying(text, about)}</div>
    </div>`;
  const simulate = `undertone simulate --server ${url}${key ? " --api-key $UNDERTONE_API_KEY" : ""}`;
  const authorized = key ? ` \\\n  -H "Authorization: Bearer $UNDERTONE_API_KEY"` : "";
  const create = `curl ${url}/meetings${authorized} \\\n  -H "Content-Type: application/json" \\\n  -d '{"title": "Algebra I"}'`;
  const embed = `<script type="module" src="${url}/static/undertone.js"></script>\n<undertone-sidebar meeting="…" token="…" server="${url}">\n</undertone-sidebar>`;
  return html`<details class="card">
    <summary><h2>${t.developers}</h2></summary>
    <div class="stack">
      ${code(t.tryIt, simulate)} ${code(t.createByHttp, create)} ${code(t.embed, embed)}
      <p class="small quiet">${t.protocol}</p>
    </div>
  </details>`;
}
