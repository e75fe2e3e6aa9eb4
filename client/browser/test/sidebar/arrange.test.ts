/** Search, filter and order of roster and feed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrangeFeed, arrangeRoster, type RosterQuery } from "../../src/sidebar/arrange.ts";
import { type Item, Model, type Row } from "../../src/sidebar/model.ts";
import { Strip } from "../../src/sidebar/strip.ts";
import { anomaly, BEGAN } from "./exam.ts";

const ALL: RosterQuery = { text: "", state: "all", anomaliesOnly: false, sort: "name" };

function row(name: string, change: Partial<Row> = {}): Row {
  const plain = {
    reason: null,
    expectedVoices: 1,
    lastOutcome: null,
    lastReason: null,
    anomalies: 0,
    open: 0,
    strip: new Strip(),
  };
  return { id: name, name, externalId: null, state: "streaming", ...plain, ...change };
}

const ROWS = [
  row("Zoë", { state: "lost", lastOutcome: "clean" }),
  row("ada", { anomalies: 3, open: 0, lastOutcome: "multiple_voices", externalId: "S-17" }),
  row("José Élan", { anomalies: 1, open: 1, state: "silent", lastOutcome: "unclear" }),
  row("Person 10", { state: "finished" }),
  row("Person 9"),
];

const TABLE: [string, Partial<RosterQuery>, string[]][] = [
  ["by name, without case, numbers as numbers", {}, ["ada", "José Élan", "Person 9", "Person 10", "Zoë"]],
  ["without accents", { text: "jose elan" }, ["José Élan"]],
  ["all words, anywhere", { text: "son 1" }, ["Person 10"]],
  ["by external id", { text: "s-17" }, ["ada"]],
  ["one state", { state: "lost" }, ["Zoë"]],
  ["with anomalies", { anomaliesOnly: true }, ["ada", "José Élan"]],
  ["those whose sound does not come first", { sort: "state" }, ["Zoë", "José Élan", "ada", "Person 9", "Person 10"]],
  ["open anomalies first", { sort: "anomalies" }, ["José Élan", "ada", "Person 9", "Person 10", "Zoë"]],
  ["by what was heard last", { sort: "outcome" }, ["ada", "José Élan", "Zoë", "Person 9", "Person 10"]],
  ["nothing", { text: "nobody" }, []],
];

for (const [what, query, names] of TABLE) {
  test(`the roster ${what}`, () => {
    const shown = arrangeRoster(ROWS, { ...ALL, ...query }, "en");
    assert.deepEqual(
      shown.map(({ name }) => name),
      names,
    );
  });
}

test("of equal names the id decides, so that none jumps about", () => {
  const twins = [row("Ada", { id: "2" }), row("Ada", { id: "1" })];
  assert.deepEqual(
    arrangeRoster(twins, ALL, "en").map(({ id }) => id),
    ["1", "2"],
  );
});

test("the feed of a state, of one candidate, and the one that is being read", () => {
  const model = new Model();
  const [ada, bo] = [
    { id: "a", name: "Ada" },
    { id: "b", name: "Bo" },
  ] as const;
  model.snapshot({
    type: "ready",
    meeting: "m",
    epoch: "e",
    recovered: false,
    last_id: 0,
    anomalies: [
      anomaly("1", ada, BEGAN),
      anomaly("2", bo, BEGAN + 1),
      anomaly("3", ada, BEGAN + 2, { state: "dismissed" }),
    ],
  });
  const ids = (items: readonly Item[]): string => items.map((item) => item.anomaly.id).join("");
  const items = model.items();
  assert.equal(ids(arrangeFeed(items, { state: "all", participant: null }, [])), "321");
  assert.equal(ids(arrangeFeed(items, { state: "open", participant: null }, [])), "21");
  assert.equal(
    ids(arrangeFeed(items, { state: "open", participant: null }, [null, "3"])),
    "321",
    "just dismissed: it stays in sight",
  );
  assert.equal(ids(arrangeFeed(items, { state: "all", participant: "a" }, [])), "31");
});
