/** The sidebar's model: whoever came late sees what those see who were there all along. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Model, STATES } from "../../src/sidebar/model.ts";
import type { ChannelEvent, ChannelReady } from "../../src/wire/messages.ts";
import { anomaly, at, BEGAN, Exam, steps } from "./exam.ts";

const NOBODY: ChannelReady = { type: "ready", meeting: "m", epoch: "e", recovered: false, last_id: 0 };
const ADA = { id: "p0", name: "Ada" };

function following(events: readonly ChannelEvent[], from: ChannelReady = NOBODY): Model {
  const model = new Model();
  model.snapshot(from);
  for (const event of events) model.apply(event);
  return model;
}

/** All that is seen of it, as plain values. */
function seen(model: Model): unknown {
  return {
    rows: model
      .rows()
      .map(({ strip, ...row }) => ({ ...row, spans: strip.spans() }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    items: model.items(),
    axis: model.axis,
    states: STATES.map((state) => model.states.get(state) ?? 0),
    reviews: (["open", "confirmed", "dismissed"] as const).map((state) => model.reviews.get(state) ?? 0),
  };
}

test("events one by one come to what a snapshot says at once", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const exam = new Exam().play(all);
      const late = new Model();
      late.snapshot(exam.snapshot());
      assert.deepEqual(seen(following(exam.events)), seen(late));
    }),
  );
});

test("a snapshot in the middle and the events after it come to the same", () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const exam = new Exam().play(before);
      const middle = exam.snapshot();
      exam.play(after);
      const joined = following(exam.events.slice(middle.last_id), middle);
      assert.deepEqual(seen(joined), seen(following(exam.events)));
    }),
  );
});

test("counts are those of the rows and items", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const model = following(new Exam().play(all).events);
      for (const state of STATES) {
        assert.equal(model.states.get(state) ?? 0, model.rows().filter((row) => row.state === state).length);
      }
      for (const row of model.rows()) {
        const theirs = model.items().filter((item) => item.anomaly.participant.id === row.id);
        assert.equal(row.anomalies, theirs.length);
        assert.equal(row.open, theirs.filter((item) => item.anomaly.state === "open").length);
      }
    }),
  );
});

test("newest first", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const times = following(new Exam().play(all).events)
        .items()
        .map((item) => item.openedMs);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => b - a),
      );
    }),
  );
});

test("an event changes the objects of whom it is about, and no others", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const model = new Model();
      model.snapshot(NOBODY);
      for (const event of new Exam().play(all).events) {
        const before = new Map([...model.rows().map((row) => [row.id, row] as const)]);
        const items = new Set(model.items());
        const { item } = model.apply(event);
        for (const row of model.rows()) {
          if (row.id !== event.participant?.id) assert.equal(row, before.get(row.id));
        }
        for (const each of model.items()) assert.ok(each === item || items.has(each));
      }
    }),
  );
});

test("a decision is pending until it is settled, and others' events leave it so", () => {
  const model = following([opened(1, "a")]);
  model.deciding("a", { decision: "confirmed", note: "a radio" });
  assert.deepEqual(model.item("a")?.pending, { decision: "confirmed", note: "a radio" });
  model.apply({
    type: "event",
    id: 2,
    kind: "anomaly_grew",
    at: at(BEGAN),
    anomaly: anomaly("a", ADA, BEGAN, { count: 2 }),
  });
  assert.equal(model.item("a")?.pending?.decision, "confirmed");
  model.snapshot({ ...NOBODY, last_id: 9, anomalies: [anomaly("a", ADA, BEGAN)] });
  assert.equal(model.item("a")?.pending?.decision, "confirmed");
  model.settled("a", "no such anomaly");
  assert.deepEqual([model.item("a")?.pending, model.item("a")?.fault], [null, "no such anomaly"]);
  model.deciding("a", { decision: "dismissed", note: null });
  assert.equal(model.item("a")?.fault, null);
  model.settled("a");
  assert.equal(model.item("a")?.pending, null);
});

test("why a decision was not saved is said until somebody decides, be it told by an event or a snapshot", () => {
  const review = { decision: "confirmed", by: "Morgan", at: at(BEGAN + 1) } as const;
  const reviewed = anomaly("a", ADA, BEGAN, { state: "confirmed", review });
  const failed = (): Model => {
    const model = following([opened(1, "a")]);
    model.settled("a", "the line was lost");
    model.snapshot({ ...NOBODY, last_id: 1, anomalies: [anomaly("a", ADA, BEGAN, { count: 2 })] });
    assert.equal(model.item("a")?.fault, "the line was lost");
    return model;
  };
  const live = failed();
  live.apply({ type: "event", id: 2, kind: "anomaly_reviewed", at: at(BEGAN), anomaly: reviewed });
  assert.equal(live.item("a")?.fault, null);
  const late = failed();
  late.snapshot({ ...NOBODY, last_id: 2, anomalies: [reviewed] });
  assert.equal(late.item("a")?.fault, null);
});

test("the end of the meeting is known, and a kind of event that is not harms nothing", () => {
  const model = following([{ type: "event", id: 1, kind: "meeting_ended", at: at(BEGAN) }]);
  assert.ok(model.ended);
  const unknown = { type: "event", id: 2, kind: "candidate_yawned", at: at(BEGAN), participant: ADA };
  assert.deepEqual(model.apply(unknown as unknown as ChannelEvent), { row: null, item: null });
  assert.equal(model.rows().length, 0);
});

function opened(id: number, name: string): ChannelEvent {
  return {
    type: "event",
    id,
    kind: "anomaly_opened",
    at: at(BEGAN),
    participant: ADA,
    anomaly: anomaly(name, ADA, BEGAN),
  };
}
