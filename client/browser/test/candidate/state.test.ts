import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CALM_MS, type Facts, reasonOf, stateOf } from "../../src/candidate/state.ts";
import { CLOSE_CODES } from "../../src/wire/messages.ts";

const STATUS = {
  type: "status",
  level: -30,
  silent: false,
  connected: true,
  stream: 1,
  unstoredMs: 0,
  lostMs: 0,
  recordedMs: 5000,
} as const;
const WELL: Facts = { phase: "exam", trouble: null, status: STATUS, awayMs: 0 };
const AWAY = { ...STATUS, connected: false };

describe("what the candidate is told", () => {
  const cases: [string, Partial<Facts>, string][] = [
    ["all is well", {}, "recording"],
    ["the recorder has said nothing yet", { status: null }, "starting"],
    ["the line is away for a moment", { status: AWAY, awayMs: CALM_MS }, "recording"],
    ["the line is away for longer", { status: AWAY, awayMs: CALM_MS + 1 }, "reconnecting"],
    ["there never was a line", { status: { ...AWAY, stream: null }, awayMs: 60_000 }, "starting"],
    ["nothing is heard", { status: { ...STATUS, silent: true } }, "silent"],
    ["nothing is heard, and no line", { status: { ...AWAY, silent: true }, awayMs: 60_000 }, "silent"],
    ["the system has muted the microphone", { trouble: "muted" }, "silent"],
    ["it was unplugged", { trouble: "unplugged" }, "blocked"],
    ["it was unplugged before anything was recorded", { trouble: "unplugged", status: null }, "blocked"],
    ["the browser wants a click", { trouble: "asleep" }, "blocked"],
    ["before the exam, trouble has no state of its own", { phase: "check", trouble: "denied" }, "check"],
    ["in the other tab", { phase: "elsewhere" }, "elsewhere"],
  ];
  for (const [what, facts, state] of cases) {
    test(`${what}: ${state}`, () => assert.equal(stateOf({ ...WELL, ...facts }), state));
  }
});

describe("why it stopped", () => {
  test("every final close code has words", () => {
    const told = Object.fromEntries(Object.entries(CLOSE_CODES).map(([close, code]) => [close, reasonOf(code)]));
    assert.deepEqual(
      [4501, 4502, 4507, 4508, 4509].map((close) => told[close]),
      ["unauthorized", "unauthorized", "ended", "revoked", "unauthorized"],
    );
    assert.equal(reasonOf("bad_audio"), "other");
  });
});
