/** The catalogues say something in each language, with its own plural forms. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LANGUAGES, wordsFor } from "../../src/locale/index.ts";
import { ago, brief, duration, plural, position } from "../../src/locale/intl.ts";
import { type SidebarStrings, sidebar } from "../../src/locale/sidebar.ts";
import { spokenStrip } from "../../src/sidebar/row-facts.ts";
import { SPAN_KINDS } from "../../src/sidebar/strip.ts";

const ALL = LANGUAGES.map((lang) => wordsFor(sidebar, [lang]));
const english = sidebar.en;

const count = (strings: SidebarStrings, numbers: readonly number[]): string[] =>
  numbers.map((n) => strings.anomalies(n));

test("each number has the form that its grammar wants", () => {
  const forms = plural("ar", 3, { few: "#f", other: "#o" });
  assert.match(forms, /f$/);
  for (const { lang, t } of ALL) {
    const said = count(t, lang === "ar" ? [1, 2, 3, 11, 100] : [1, 2]);
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
  for (const { lang, t } of ALL) walk(t, lang);
});

test("no verdict is quite sure", () => {
  assert.equal(english.sureShort(0.9997), "99% sure");
  assert.equal(english.sureLong(1), "99%");
  assert.equal(english.sureLong(0.874), "87%");
});

test("what was heard is said without a verdict on anybody", () => {
  assert.equal(english.heard("multiple_voices", 2, 4000), "A second voice, 4s");
  assert.equal(english.heard("multiple_voices", 4, 90_000), "3 further voices, 2m");
  assert.equal(english.heard("voice_changed", 1, 42_000), "A different voice, 42s");
  assert.equal(
    english.heardLong("voice_changed", 1, null, 42_000),
    "1 voice was heard, for 42 seconds. It differs from the voice that was heard before.",
  );
  assert.match(
    english.heardLong("multiple_voices", 3, 2, 4000),
    /^3 voices were heard where 2 are expected\. .* 4 seconds\.$/,
  );
  const all = JSON.stringify(english, (_, value) => (typeof value === "function" ? String(value) : value));
  assert.doesNotMatch(all, /cheat|suspic|fraud|violation|offen[cd]/i);
});

test("the strip's spoken label has every kind of window that there is", () => {
  const none = { clean: 0, voices: 0, silent: 0, unclear: 0, failed: 0, missing: 0, waiting: 0 };
  for (const words of ALL) {
    const { t } = words;
    assert.equal(spokenStrip(none, words), t.strip);
    for (const kind of SPAN_KINDS) {
      const label = spokenStrip({ ...none, clean: 2, [kind]: 120_000 }, words);
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
