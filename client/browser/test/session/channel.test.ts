/** The proctor's session: every event once and in order, and every review answered. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChannelSession, type Happening } from "../../src/session/channel.ts";
import type { ChannelHello } from "../../src/wire/messages.ts";
import { AT, event, Proctor, readyText, review, reviewed } from "./meeting.ts";

type Step = (proctor: Proctor) => void;
const happen = fc.integer({ min: 1, max: 8 }).map(
  (count): Step =>
    (proctor) =>
      proctor.meeting.happen(count),
);
const exchange = fc.tuple(fc.nat(3), fc.nat(12)).map(
  ([up, down]): Step =>
    (proctor) =>
      proctor.exchange(up, down),
);
const cut = fc.constant<Step>((proctor) => proctor.cut());
const tick = fc.constant<Step>((proctor) => proctor.meeting.tick());
const repeat = fc.nat(5).map(
  (back): Step =>
    (proctor) =>
      proctor.repeat(back),
);

test("every event comes once and in order, or a snapshot says so", () => {
  const swallow = fc.constant<Step>((proctor) => proctor.swallow());
  const trim = fc.nat(10).map(
    (count): Step =>
      (proctor) =>
        proctor.trim(count),
  );
  const restore = fc.nat(10).map(
    (back): Step =>
      (proctor) =>
        proctor.restore(back),
  );
  const step = fc.oneof(happen, exchange, cut, tick, repeat, swallow, trim, restore);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const proctor = new Proctor();
      for (const each of steps) each(proctor);
      proctor.check();
    }),
    { numRuns: 500 },
  );
});

test("without a restore or retention there is one snapshot, at the beginning", () => {
  const step = fc.oneof(happen, exchange, cut, tick, repeat);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const proctor = new Proctor();
      for (const each of [() => proctor.exchange(0, 1), ...steps]) each(proctor);
      proctor.check();
      assert.equal(proctor.happened.filter(({ what }) => what === "snapshot").length, 1);
    }),
  );
});

test("a review counts once and is answered once", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(happen, exchange, cut, tick), { maxLength: 30, size: "max" }), (steps) => {
      const proctor = new Proctor();
      proctor.session.review(review("key-1"));
      proctor.session.review(review("key-1"));
      proctor.session.review(review("key-2", "nowhere"));
      for (const each of steps) each(proctor);
      proctor.check();
      const answers = proctor.happened.filter((each) => each.what === "reviewed" || each.what === "refused");
      assert.deepEqual(answers.map(({ what, key }) => `${key} ${what}`).sort(), ["key-1 reviewed", "key-2 refused"]);
      assert.equal(proctor.meeting.reviews.size, 1);
    }),
  );
});

function liveSession(): ChannelSession {
  const session = new ChannelSession({ meeting: "m1", adminId: "secret" });
  session.connect();
  session.receive(readyText());
  return session;
}

test("a hole is no event but a fault, and nothing was taken", () => {
  const session = liveSession();
  assert.throws(() => session.receive(event(7)), /missing/);
  assert.deepEqual(session.cursor, { epoch: "e", id: 5 });
});

test("an event that was had is dropped", () => {
  const session = liveSession();
  assert.equal(session.receive(event(6)).length, 1);
  assert.deepEqual(session.receive(event(6)), []);
  assert.deepEqual(session.receive(event(2)), []);
});

test("a tick may pass an event, but not twice", () => {
  const session = liveSession();
  const tickText = '{"type":"tick","last_id":8}';
  assert.deepEqual(session.receive(tickText), [{ what: "tick", tick: { type: "tick", last_id: 8 } }]);
  session.receive(event(6));
  session.receive(tickText); // slow, but it moves
  assert.throws(() => session.receive(tickText), /announced/);
  session.closed(1006);
  session.connect();
  session.receive(readyText({ recovered: true, last_id: 8 }));
  session.receive(tickText); // it has only begun to send
});

test("a kind of tomorrow is handed on as it came", () => {
  const [happened] = liveSession().receive(event(6, "candidate_levitated", { height_mm: 20 }));
  assert.equal(happened?.what, "event");
  assert.deepEqual(happened.event, JSON.parse(event(6, "candidate_levitated", { height_mm: 20 })));
});

test("an error before a close does not answer a review", () => {
  const session = liveSession();
  session.review(review("k"));
  assert.ok(session.nextMessage());
  session.receive('{"type":"error","code":"draining","detail":"bye","retry_after_ms":5}');
  assert.equal(session.closed(4000), "again");
  assert.equal(session.retryAfterMs, 5);
  session.connect();
  session.receive(readyText({ recovered: true }));
  assert.deepEqual(JSON.parse(session.nextMessage()!), review("k"));
});

test("an error that no close follows answers the oldest review", () => {
  for (const settle of [
    (session: ChannelSession): Happening[] => session.settle(),
    (session: ChannelSession): Happening[] => session.receive(event(6)),
  ]) {
    const session = liveSession();
    for (const key of ["k1", "k2"]) {
      session.review(review(key));
      session.nextMessage();
    }
    session.receive('{"type":"error","code":"unavailable","detail":"the database is away"}');
    assert.ok(session.inDoubt);
    const [refused] = settle(session);
    assert.ok(refused?.what === "refused");
    assert.deepEqual([refused.key, refused.error.code], ["k1", "unavailable"]);
    assert.deepEqual(session.settle(), []);
  }
});

test("a refusal that was told answers nothing else, and slows nothing down", () => {
  const session = liveSession();
  for (const key of ["k1", "k2"]) {
    session.review(review(key));
    session.nextMessage();
  }
  session.receive('{"type":"error","code":"rate_limited","detail":"review k2: too many","retry_after_ms":9000}');
  assert.ok(!session.inDoubt);
  assert.deepEqual(session.settle(), []);
  session.closed(1006);
  assert.equal(session.retryAfterMs, 0);
});

test("an error that a close followed is no answer, however late somebody asks", () => {
  const session = liveSession();
  session.review(review("k"));
  session.nextMessage();
  session.receive('{"type":"error","code":"draining","detail":"bye"}');
  session.closed(4000);
  assert.deepEqual(session.settle(), []);
});

test("the same review twice is said and answered once", () => {
  const session = liveSession();
  session.review(review("k"));
  session.review(review("k"));
  assert.ok(session.nextMessage());
  session.receive(reviewed(6, review("k")));
  assert.equal(session.nextMessage(), null);
});

test("a review by somebody else, or with another note, is not the answer", () => {
  const session = liveSession();
  session.review({ ...review("k"), note: "a friend" });
  session.nextMessage();
  assert.equal(session.receive(reviewed(6, review("other"))).length, 1);
  assert.equal(session.receive(reviewed(7, review("other", "a2"))).length, 1);
  const happened = session.receive(reviewed(8, { ...review("k"), note: "a friend" }));
  assert.deepEqual(
    happened.map(({ what }) => what),
    ["event", "reviewed"],
  );
});

test("recovered without a cursor is a fault, and so is what its state does not allow", () => {
  const session = new ChannelSession({ meeting: "m1", token: "t" });
  session.connect();
  assert.throws(() => session.receive(readyText({ recovered: true })), /cursor/);
  assert.throws(() => session.receive(event(1)), /in state greeting/);
  session.receive(readyText());
  assert.throws(() => session.receive(readyText()), /in state live/);
});

test("a cursor goes on where another channel was", () => {
  const session = new ChannelSession({ meeting: "m1", token: "t", name: "Bob", after: { epoch: "e", id: 5 } });
  assert.deepEqual(JSON.parse(session.connect()), {
    type: "hello",
    meeting: "m1",
    token: "t",
    name: "Bob",
    after: { epoch: "e", id: 5 },
  });
  assert.deepEqual(
    session.receive(readyText({ recovered: true, last_id: 6 })).map(({ what }) => what),
    ["recovered"],
  );
  assert.equal(session.receive(event(6)).length, 1);
});

test("a renewed token is told at once and kept", () => {
  const session = new ChannelSession({ meeting: "m1", token: "old" });
  session.connect();
  session.receive(readyText());
  session.receive(`{"type":"expiring","at":"${AT}"}`);
  assert.ok(session.takeExpiring());
  session.refresh("new");
  assert.deepEqual(JSON.parse(session.nextMessage()!), { type: "refresh", token: "new" });
  session.closed(1006);
  assert.equal((JSON.parse(session.connect()) as ChannelHello).token, "new");
});

test("the server may be silent for two ticks", () => {
  const session = liveSession();
  assert.equal(session.mayBeSilentMs, 35_000);
  session.closed(1006);
  assert.equal(session.mayBeSilentMs, null);
});

test("one credential and one only", () => {
  assert.throws(() => new ChannelSession({ meeting: "m1" }), /one of/);
  assert.throws(() => new ChannelSession({ meeting: "m1", adminId: "a", token: "t" }), /one of/);
});
