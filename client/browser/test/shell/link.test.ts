/** The link over real sockets: when it connects, waits, renews and gives up altogether. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../src/shell/api.ts";
import { CandidateStream } from "../../src/shell/candidate.ts";
import type { LinkState } from "../../src/shell/link.ts";
import { STREAM_PROTOCOL } from "../../src/wire/messages.ts";
import { FRAME_BYTES, frames } from "../session/recording.ts";
import { sleep, until } from "../waiting.ts";
import { connected } from "./connected.ts";
import { Peer } from "./peer.ts";

test("it says hello, sends what there is, and goes on after a break", async () => {
  await using it = await connected();
  const first = await it.peer.line();
  assert.equal(first.socket.protocol, STREAM_PROTOCOL);
  assert.equal((await first.greet()).stream, undefined);
  it.session.record(frames(0, 100));
  it.link.poke();
  await until(() => first.audio === 100 * FRAME_BYTES);
  first.cut();
  const second = await it.peer.line();
  it.session.record(frames(100, 20));
  assert.equal((await second.greet({ offset: 90 * FRAME_BYTES, held: 90 * FRAME_BYTES })).stream, 1);
  await until(() => second.audio === 30 * FRAME_BYTES);
  assert.deepEqual(it.states, [
    { connected: true, over: false },
    { connected: false, over: false, retryInMs: 0, code: 1006, detail: "" },
    { connected: true, over: false },
  ]);
});

test("it waits as long as the server asks", async () => {
  await using it = await connected();
  const first = await it.peer.line();
  const asked = Date.now();
  await first.said();
  first.close(4001, { code: "overloaded", retry_after_ms: 400 });
  await it.peer.line();
  assert.ok(Date.now() - asked >= 395);
  assert.equal(it.states[0]?.retryInMs, 400);
});

test("what is final ends it, with the server's words", async () => {
  await using it = await connected();
  const line = await it.peer.line();
  await line.greet();
  line.close(4506, { code: "taken_over", detail: "a newer connection owns the candidate" });
  await until(() => it.states.length === 2);
  assert.deepEqual(it.states[1], {
    connected: false,
    over: true,
    code: 4506,
    detail: "a newer connection owns the candidate",
  });
  assert.equal(it.session.fault?.code, "taken_over");
  it.link.network(true);
  it.link.poke();
  await sleep(50);
  assert.equal(it.peer.connections, 1);
});

test("a server that is not there is tried until it is", async () => {
  const peer = await Peer.listening();
  const { url } = peer;
  peer.close();
  const states: LinkState[] = [];
  const stream = new CandidateStream({
    server: url,
    token: "t",
    random: () => 0.2,
    onConnection: (state) => states.push(state),
  });
  stream.start();
  await until(() => states.length === 3);
  stream.stop();
  assert.deepEqual(
    states.map(({ code, retryInMs }) => [code, retryInMs]),
    [
      [1006, 200],
      [1006, 400],
      [1006, 800],
    ],
  );
});

test("an expired token is renewed before the next hello, also when renewing fails at first", async () => {
  const answers = [() => Promise.reject(new Error("offline")), () => Promise.resolve("fresh")];
  await using it = await connected({ renew: () => answers.shift()!() });
  for (const token of ["token", "token"]) {
    const line = await it.peer.line();
    assert.equal((await line.said()).token, token);
    line.close(4006, { code: "token_expired" });
  }
  assert.equal((await (await it.peer.line()).greet()).token, "fresh");
});

test("a token that can't be renewed for good ends it", async () => {
  for (const renew of [undefined, () => Promise.reject(Object.assign(new Error("no"), { final: true }))]) {
    await using it = await connected({ renew });
    const line = await it.peer.line();
    await line.said();
    line.close(4006, { code: "token_expired" });
    await until(() => it.states.at(-1)?.over === true);
    assert.equal(it.session.fault?.code, "token_expired");
  }
});

test("why the server gives no new token is told, not that the old one has ended", async () => {
  const refused = new ApiError(403, "revoked", "the organiser withdrew it");
  await using it = await connected({ renew: () => Promise.reject(refused) });
  const line = await it.peer.line();
  await line.said();
  line.close(4006, { code: "token_expired" });
  await until(() => it.states.at(-1)?.over === true);
  assert.deepEqual(it.session.fault, { close: 4006, code: "revoked", detail: "the organiser withdrew it" });
});

test("`expiring` renews once beside the running line", async () => {
  let renewed = 0;
  let fail = (): void => {};
  const failing = new Promise<string>((_, reject) => {
    fail = () => reject(new Error("offline"));
  });
  await using it = await connected({
    renew: () => {
      renewed += 1;
      return renewed === 1 ? failing : Promise.resolve("fresh");
    },
  });
  const line = await it.peer.line();
  await line.greet();
  const expiring = { type: "expiring", at: "2026-01-01T00:00:00.000Z" };
  line.say(expiring);
  line.say(expiring);
  line.say({ type: "stored", offset: 0, window: 0 });
  await until(() => renewed === 1);
  await sleep(50);
  assert.equal(renewed, 1);
  fail();
  await sleep(1);
  line.say(expiring);
  assert.deepEqual(await line.said(), { type: "refresh", token: "fresh" });
  assert.equal(it.peer.connections, 1);
});

test("a network that is back ends the wait, but not one that the server asked for", async () => {
  const random = [0, 0, 0, 0, 0.5];
  await using it = await connected({ random: () => random.shift() ?? 0.05 });
  for (let failures = 0; failures < 5; failures += 1) (await it.peer.line()).cut();
  await until(() => it.states.length === 5);
  assert.equal(it.states[4]?.retryInMs, 8000);
  const back = Date.now();
  it.link.network(true); // 50 ms: a first wait again; a sixth would be 1.5 s
  const line = await it.peer.line();
  assert.ok(Date.now() - back < 1000);
  await line.said();
  line.close(4000, { code: "draining", retry_after_ms: 600 });
  await until(() => it.states.length === 6);
  const asked = Date.now();
  it.link.network(true);
  await it.peer.line();
  assert.ok(Date.now() - asked >= 550);
});

test("a network that is back makes no wait longer", async () => {
  const random = [0.1, 0.999];
  await using it = await connected({ random: () => random.shift()! });
  (await it.peer.line()).cut();
  await until(() => it.states.length === 1);
  const back = Date.now();
  it.link.network(true);
  await it.peer.line();
  assert.ok(Date.now() - back < 800);
});

test("after a good connection the first wait is short again", async (context) => {
  await using it = await connected({ random: () => 0.001 });
  for (let failures = 0; failures < 5; failures += 1) (await it.peer.line()).cut();
  const line = await it.peer.line();
  await line.greet();
  await until(() => it.states.at(-1)!.connected);
  const now = Date.now.bind(Date);
  context.mock.method(Date, "now", () => now() + 15_000);
  line.cut();
  await until(() => !it.states.at(-1)!.connected);
  assert.deepEqual(
    it.states.map(({ retryInMs }) => retryInMs),
    [1, 2, 4, 8, 16, undefined, 1],
  );
});

test("stopped is stopped", async () => {
  await using it = await connected();
  const line = await it.peer.line();
  await line.greet();
  it.link.stop();
  await line.closed;
  it.link.poke();
  it.link.network(true);
  await sleep(50);
  assert.equal(it.peer.connections, 1);
});

test("what is no address is said at once", () => {
  for (const server of ["exam.example", "ftp://exam.example", ""]) {
    assert.throws(() => new CandidateStream({ server, token: "t" }), TypeError);
  }
});
