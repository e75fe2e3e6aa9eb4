/** What a client does after a close: by the code number alone. Codes below 4000 are RFC 6455's; unknown ones count too. */

import { FINAL_BELOW_4000, FIRST_FINAL, FIRST_RETRY } from "../wire/messages.ts";

/** Whether a client tries again after this close code. */
export function mayRetry(code: number): boolean {
  if (code < FIRST_RETRY) return !FINAL_BELOW_4000.includes(code);
  return code < FIRST_FINAL;
}
