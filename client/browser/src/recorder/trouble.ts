/** What can be the matter with a microphone. */

/**
 * `denied`: the person or the page's policy said no; `none`: there is no microphone; `busy`: another program has it, or
 * the system refuses it; `insecure`: the page is not served over https; `unplugged`: it went away, and another is
 * waited for; `muted`: by the system or at the device; `asleep`: the browser wants a click before it goes on;
 * `unloadable`: the page's own script for the sound can't be fetched.
 */
export type Trouble = "denied" | "none" | "busy" | "insecure" | "unplugged" | "muted" | "asleep" | "unloadable";

/** All others end without anybody's help: the device comes back, or its mute is lifted. */
export const NEEDS_A_CLICK: readonly Trouble[] = ["denied", "none", "busy", "insecure", "asleep", "unloadable"];

const REFUSALS: Readonly<Record<string, Trouble>> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
  NotSupportedError: "busy", // Firefox, a microphone whose rate is not the context's
};

/** A script of the page's own can't be fetched: browsers say that by names that mean something else of a microphone. */
export class Unloadable extends Error {}

/** Trouble of what `getUserMedia` throws. Rethrows what no browser is known to throw. */
export function refusal(error: unknown): Trouble {
  if (error instanceof Unloadable) return "unloadable";
  const trouble = error instanceof DOMException ? REFUSALS[error.name] : undefined;
  if (trouble === undefined) throw error;
  return trouble;
}
