/** The proctor's channel over a real socket: what it hands on, and what becomes of a review. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkState } from "../../src/shell/link.ts";
import { ProctorChannel, ReviewNotTaken } from "../../src/shell/proctor.ts";
import { AT, event, reviewed } from "../session/meeting.ts";
import { sleep, until } from "../waiting.ts";
import { Peer } from "./peer.ts";

/** A channel, what it handed on, and the server that a test plays. */
async function watching(): Promise<{
  peer: Peer;
  channel: ProctorChannel;
  seen: string[];
  states: LinkState[];
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const peer = await Peer.listening();
  const seen: string[] = [];
  const states: LinkState[] = [];
  const channel = new ProctorChannel({
    server: peer.url,
    meeting: "m1",
    adminId: "secret",
    name: "Bob",
    random: () => 0,
    onSnapshot: (ready) => seen.push(`snapshot ${ready.last_id}`),
    onRecovered: (ready) => seen.push(`recovered ${ready.last_id}`),
    onEvent: ({ id, kind }) => seen.push(`${id} ${kind}`),
    onTick: (lastId) => seen.push(`tick ${lastId}`),
    onConnection: (state) => states.push(state),
  });
  channel.start();
  return {
    peer,
    channel,
    seen,
    states,
    [Symbol.asyncDispose]: async () => {
      channel.stop();
      peer.close();
    },
  };
}

test("a snapshot, then events, once and in order, across a break", async () => {
  await using it = await watching();
  const first = await it.peer.line();
  assert.equal(first.path, "/channel");
  assert.deepEqual(await first.greet({ last_id: 4 }), {
    type: "hello",
    meeting: "m1",
    admin_id: "secret",
    name: "Bob",
  });
  first.socket.send(event(5));
  first.say({ type: "tick", last_id: 5 });
  await until(() => it.seen.length === 3);
  first.cut();
  const second = await it.peer.line();
  assert.deepEqual((await second.greet({ last_id: 6 })).after, { epoch: "e", id: 5 });
  second.socket.send(event(5));
  second.socket.send(event(6));
  await until(() => it.seen.length === 5);
  assert.deepEqual(it.seen, ["snapshot 4", "5 candidate_streaming", "tick 5", "recovered 6", "6 candidate_streaming"]);
  assert.deepEqual(it.channel.cursor, { epoch: "e", id: 6 });
});

test("an event that is missing makes it ask again", async () => {
  await using it = await watching();
  const first = await it.peer.line();
  await first.greet();
  first.socket.send(event(2));
  await first.closed;
  assert.deepEqual((await (await it.peer.line()).greet()).after, { epoch: "e", id: 0 });
  assert.match(it.states[1]!.detail!, /missing/);
});

test("a server that is silent for longer than two ticks is left", async (context) => {
  await using it = await watching();
  const line = await it.peer.line();
  await line.greet();
  await until(() => it.states.length === 1);
  const now = Date.now.bind(Date);
  let passed = 0;
  context.mock.method(Date, "now", () => now() + passed);
  for (const seconds of [15, 30, 45]) {
    passed = seconds * 1000;
    if (seconds === 15) line.say({ type: "tick", last_id: 0 });
    await sleep(1_100); // it looks once a second
  }
  assert.equal(it.states.length, 1, "33 s after the tick");
  passed += 5_000;
  await line.closed;
  assert.equal(it.states[1]?.detail, "the server is silent");
});

test("a review resolves with its event, also when the line broke before it came", async () => {
  await using it = await watching();
  const answer = it.channel.review("a1", "confirmed", "a second voice");
  const first = await it.peer.line();
  await first.greet();
  const said = await first.said();
  first.cut();
  const second = await it.peer.line();
  await second.greet();
  const again = await second.said();
  assert.deepEqual(again, said);
  assert.match(said.key as string, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  second.socket.send(
    reviewed(1, { type: "review", key: "", anomaly: "a1", decision: "confirmed", note: "a second voice" }),
  );
  assert.deepEqual((await answer).review, { decision: "confirmed", by: "Bob", at: AT, note: "a second voice" });
  await until(() => it.seen.includes("1 anomaly_reviewed"));
});

test("a review that is refused rejects: at once when it is named, else when no close follows", async () => {
  await using it = await watching();
  const line = await it.peer.line();
  await line.greet();
  const named = it.channel.review("a1", "dismissed");
  const { key } = await line.said();
  line.say({ type: "error", code: "not_found", detail: `review ${key}: no such anomaly` });
  await assert.rejects(named, (error) => error instanceof ReviewNotTaken && error.code === "not_found");
  const unnamed = it.channel.review("a1", "dismissed");
  await line.said();
  line.say({ type: "error", code: "unavailable", detail: "the database is away" });
  await assert.rejects(unnamed, { code: "unavailable", message: "the database is away" });
  assert.equal(it.peer.connections, 1);
});

test("a review on a channel that is over, or ends, rejects", async () => {
  await using it = await watching();
  const line = await it.peer.line();
  await line.greet();
  const waiting = it.channel.review("a1", "dismissed");
  await line.said();
  line.close(4508, { code: "revoked", detail: "you were revoked" });
  await assert.rejects(waiting, { code: "revoked", message: "you were revoked" });
  await assert.rejects(it.channel.review("a1", "dismissed"), { code: "closed" });
  assert.equal(it.states.at(-1)?.over, true);
});
