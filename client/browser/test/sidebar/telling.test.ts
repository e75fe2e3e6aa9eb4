/** What is told of new anomalies and of a line that was down; what a browser remembers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Announcer, EVERY_MS } from "../../src/sidebar/announcer.ts";
import { Outage } from "../../src/sidebar/missed.ts";
import { readPreferences } from "../../src/sidebar/preferences.ts";

test("a burst of anomalies is one sentence, and the next waits its turn", () => {
  const announcer = new Announcer();
  assert.equal(announcer.due(0), null);
  announcer.add("Ada");
  assert.equal(announcer.due(0), 0);
  assert.deepEqual(announcer.take(0), { count: 1, name: "Ada" });
  announcer.add("Bo");
  announcer.add("Cleo");
  assert.equal(announcer.due(1000), EVERY_MS - 1000);
  assert.equal(announcer.take(1000), null);
  assert.deepEqual(announcer.take(EVERY_MS), { count: 2, name: "Cleo" });
  assert.equal(announcer.due(2 * EVERY_MS), null, "nothing is said twice");
});

test("what was missed is told once all of it is here", () => {
  const outage: Outage = new Outage();
  const told = (): unknown => outage.told;
  outage.caughtUp(10);
  outage.event({ id: 11, kind: "window_stored" });
  outage.down(1000);
  outage.down(5000); // a second attempt that failed: down since the first
  outage.ready(14, 43_000);
  assert.equal(told(), null);
  assert.ok(outage.event({ id: 12, kind: "anomaly_opened" }));
  assert.ok(outage.event({ id: 13, kind: "anomaly_grew" }));
  assert.equal(told(), null);
  assert.ok(outage.event({ id: 14, kind: "window_judged" }));
  assert.deepEqual(told(), { events: 3, anomalies: 1, downMs: 42_000 });
  assert.equal(outage.event({ id: 15, kind: "anomaly_opened" }), false, "what comes now is not missed");
  assert.deepEqual(told(), { events: 3, anomalies: 1, downMs: 42_000 });
  outage.read();
  assert.equal(told(), null);
});

test("a line that flaps: what came in each outage is told together, until it was read", () => {
  const outage = new Outage();
  outage.caughtUp(10);
  outage.down(0);
  outage.ready(12, 1000);
  outage.event({ id: 11, kind: "anomaly_opened" });
  outage.down(2000); // before event 12 came
  outage.ready(13, 5000);
  outage.event({ id: 12, kind: "window_stored" });
  outage.event({ id: 13, kind: "window_judged" });
  assert.deepEqual(outage.told, { events: 3, anomalies: 1, downMs: 4000 });
  outage.read();
  outage.down(6000);
  outage.ready(14, 6500);
  outage.event({ id: 14, kind: "window_stored" });
  assert.deepEqual(outage.told, { events: 1, anomalies: 0, downMs: 500 });
});

test("a snapshot in place of the events says the same", () => {
  const outage = new Outage();
  outage.caughtUp(10);
  outage.down(0);
  outage.ready(500, 60_000, 4);
  outage.caughtUp(500);
  assert.deepEqual(outage.told, { events: 490, anomalies: 4, downMs: 60_000 });
});

test("after a restore of the server's database events may have smaller ids; new anomalies are told all the same", () => {
  const outage = new Outage();
  outage.caughtUp(900);
  outage.down(0);
  outage.ready(20, 5000, 2);
  outage.caughtUp(20);
  assert.deepEqual(outage.told, { events: 0, anomalies: 2, downMs: 5000 });
});

test("a line that was down while nothing happened is not worth a word", () => {
  const outage = new Outage();
  outage.caughtUp(3);
  outage.down(0);
  outage.ready(3, 1000);
  assert.equal(outage.told, null);
});

const STORED: [string, string | null, object][] = [
  ["nothing", null, {}],
  ["what is not JSON", "{", {}],
  ["null", "null", {}],
  [
    "what was chosen",
    '{"sound":true,"notify":true,"sort":"state","rate":1.5}',
    { sound: true, notify: true, sort: "state", rate: 1.5 },
  ],
  ["values of another version", '{"sound":"yes","sort":"height","rate":3}', {}],
];

for (const [what, text, chosen] of STORED) {
  test(`preferences read from ${what}`, () => {
    const defaults = { sound: false, notify: false, sort: "name", rate: 1 };
    assert.deepEqual(readPreferences(text), { ...defaults, ...chosen });
  });
}
