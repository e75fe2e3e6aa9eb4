/** Which script speaks to which provider. */

import type { MakeDriver } from "./driver.ts";

/** The script of a provider, loaded when a room needs it and not before. Rejects where it can't be loaded. */
export async function driverOf(provider: string): Promise<MakeDriver> {
  if (provider === "livekit") return (await import("./livekit.ts")).livekit;
  return (await import("./kit.ts")).kit;
}
