/** The catalogues say something in each language, with its own plural forms. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SidebarStrings } from "../../src/locale/index.ts";
import { CATALOGUES } from "../../src/locale/index.ts";
import { ago, brief, duration, plural, position } from "../../src/locale/intl.ts";
import { spokenStrip } from "../../src/sidebar/row-facts.ts";
import { SPAN_KINDS } from "../../src/sidebar/strip.ts";

const count = (strings: SidebarStrings, numbers: readonly number[]): string[] =>
  numbers.map((n) => strings.anomalies(n));

test("each number has the form that its grammar wants", () => {
  const forms = plural("ar", 3, { few: "#f", other: "#o" });
  assert.match(forms, /f$/);
  for (const { lang, sidebar } of CATALOGUES) {
    const said = count(sidebar, lang === "ar" ? [1, 2, 3, 11, 100] : [1, 2]);
    assert.equal(
      new Set(said.map((text) => text.replace(/[\d\u0660-\u0669]+/g, "#"))).size,
      lang === "ar" ? 4 : 2,
      said.join(" · "),
    );
  }
});

test("no entry is empty, whatever it is about", () => {
  const walk = (entry: unknown, path: string): void => {
    if (typeof entry === "string") assert.notEqual(entry.trim(), "", path);
    else if (typeof entry === "object" && entry !== null) {
      for (const [name, inner] of Object.entries(entry)) walk(inner, `${path}.${name}`);
    } else assert.equal(typeof entry, "function", path);
  };
  for (const { lang, sidebar } of CATALOGUES) walk(sidebar, lang);
});

test("no verdict is quite sure", () => {
  const { sidebar } = CATALOGUES.find(({ lang }) => lang === "en")!;
  assert.equal(sidebar.sureShort(0.9997), "99% sure");
  assert.equal(sidebar.sureLong(1), "99%");
  assert.equal(sidebar.sureLong(0.874), "87%");
});

test("what was heard is said without a verdict on anybody", () => {
  const { sidebar } = CATALOGUES.find(({ lang }) => lang === "en")!;
  assert.equal(sidebar.heard("multiple_voices", 2, 4000), "A second voice, 4s");
  assert.equal(sidebar.heard("multiple_voices", 4, 90_000), "3 further voices, 2m");
  assert.match(
    sidebar.heardLong("multiple_voices", 3, 2, 4000),
    /^3 voices were heard where 2 are expected\. .* 4 seconds\.$/,
  );
  const all = JSON.stringify(sidebar, (_, value) => (typeof value === "function" ? String(value) : value));
  assert.doesNotMatch(all, /cheat|suspic|fraud|violation|offen[cd]/i);
});

test("the strip's spoken label has every kind of window that there is", () => {
  const none = { clean: 0, voices: 0, silent: 0, unclear: 0, failed: 0, missing: 0, waiting: 0 };
  for (const { lang, dir, sidebar: t } of CATALOGUES) {
    assert.equal(spokenStrip(none, { lang, dir, t }), t.strip);
    for (const kind of SPAN_KINDS) {
      const label = spokenStrip({ ...none, clean: 2, [kind]: 120_000 }, { lang, dir, t });
      assert.ok(label.includes(t.spans[kind](120_000)), label);
    }
  }
});

test("times are as coarse as they are looked at", () => {
  assert.equal(duration("en", 4_400), "4 seconds");
  assert.equal(brief("en", 5_400_000), "1.5h");
  assert.equal(position("en", 62_999), "1:02");
  assert.equal(ago("en", 0, 59_000), "now");
  assert.match(ago("en", 0, 125_000), /^2 min/);
  assert.match(ago("en", 0, 7_200_000), /^2 h/);
});
