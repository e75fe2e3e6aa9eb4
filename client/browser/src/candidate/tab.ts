/** What this tab keeps over a reload in the midst of an exam, and nowhere else: that it goes on, and by which device. */

export interface Who {
  server: string;
  meeting: string;
  name: string;
  token: string;
}

/** Under which an exam is kept. A token says by its `sub` whose it is, also after it was renewed; else the name does. */
export function examKey({ server, meeting, name, token }: Who): string {
  return `undertone.exam.${server}.${meeting}.${token ? subject(token) : name}`;
}

/** Empty for what is no token: the server refuses it anyway. */
function subject(token: string): string {
  try {
    const claims = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(claims)).sub);
  } catch {
    return "";
  }
}

/** The microphone (`deviceId`, or empty) of the exam that is under way; null where there is none. */
export function underWay(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, device: string): void {
  try {
    sessionStorage.setItem(key, device);
  } catch {
    // Storage is off: a reload begins with the consent again.
  }
}

export function forget(key: string): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Storage is off: nothing was kept.
  }
}
