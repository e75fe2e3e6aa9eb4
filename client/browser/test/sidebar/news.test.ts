/** What is new reaches those who listen, whatever the browser's timers do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EVERY_MS } from "../../src/sidebar/announcer.ts";
import { News } from "../../src/sidebar/news.ts";
import type { Words } from "../../src/sidebar/part.ts";
import { readPreferences } from "../../src/sidebar/preferences.ts";
import { anomaly } from "./exam.ts";

test("a timer that ends before its time loses no news", ({ mock }) => {
  let now = 0.7;
  mock.method(performance, "now", () => now);
  mock.timers.enable({ apis: ["setTimeout"] });
  const said: string[] = [];
  const words = { t: { announced: (count: number, name: string) => `${count} ${name}` } } as unknown as Words;
  const news = new News(
    (sentence) => said.push(sentence),
    () => {},
  );
  const ada = { id: "p", name: "Ada" };
  news.came(anomaly("a-1", ada, 0), false, words, readPreferences(null));
  mock.timers.tick(0);
  assert.deepEqual(said, ["1 Ada"]);
  news.came(anomaly("a-2", ada, 0), false, words, readPreferences(null));
  now += EVERY_MS - 0.7;
  mock.timers.tick(EVERY_MS);
  assert.deepEqual(said, ["1 Ada"], "not yet");
  now += 1;
  mock.timers.tick(1);
  assert.deepEqual(said, ["1 Ada", "1 Ada"]);
});
