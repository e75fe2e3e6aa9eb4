import assert from "node:assert/strict";
import { test } from "node:test";
import { Meetings } from "../../src/pages/meetings.ts";
import type { MeetingCreated } from "../../src/wire/messages.ts";

function kept(...items: [string, string][]) {
  const map = new Map(items);
  return {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  };
}

function created(id: string): MeetingCreated {
  const data = { id, title: `Exam ${id}`, created_at: "2030-01-01T09:00:00.000Z" };
  return { success: true, data, admin_id: `admin-${id}`, join_secret: `join-${id}` };
}

test("meetings are listed newest first, with their secrets, and outlive the page", () => {
  const storage = kept();
  new Meetings(storage).add(created("a"));
  new Meetings(storage).add(created("b"));
  const again = new Meetings(storage);
  assert.deepEqual(
    again.list().map(({ id }) => id),
    ["b", "a"],
  );
  assert.equal(again.find("a")?.admin_id, "admin-a");
  assert.equal(again.find("a")?.join_secret, "join-a");
  assert.equal(again.find("c"), undefined);
});

test("what the server says of a meeting is taken over, its secrets stay", () => {
  const meetings = new Meetings(kept());
  meetings.add(created("a"));
  meetings.update({ id: "a", title: "Algebra", ended_at: "2030-01-01T10:00:00.000Z" });
  const found = meetings.find("a");
  assert.equal(found?.title, "Algebra");
  assert.equal(found?.ended_at, "2030-01-01T10:00:00.000Z");
  assert.equal(found?.admin_id, "admin-a");
});

test("a meeting that is deleted is gone, the others stay", () => {
  const meetings = new Meetings(kept());
  meetings.add(created("a"));
  meetings.add(created("b"));
  meetings.remove("a");
  assert.deepEqual(
    meetings.list().map(({ id }) => id),
    ["b"],
  );
});

test("what is no list of meetings is none, and what is none in a list is left out", () => {
  for (const damage of ["", "{", "null", "7", '{"id": "a"}']) {
    assert.deepEqual(new Meetings(kept(["undertone.meetings", damage])).list(), []);
  }
  const mixed = JSON.stringify([null, 7, { id: "x" }, { ...created("a").data, admin_id: "s", join_secret: "t" }]);
  assert.deepEqual(
    new Meetings(kept(["undertone.meetings", mixed])).list().map(({ id }) => id),
    ["a"],
  );
});
