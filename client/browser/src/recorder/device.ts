/** What the browser says of devices and their streams. */

/** Which device stands behind "default" now. */
export function defaultGroup(devices: readonly MediaDeviceInfo[]): string | undefined {
  return devices.find(({ deviceId }) => deviceId === "default")?.groupId;
}

/** Whether the context has the rate of the stream, where the browser (Firefox) insists on that. */
export function takes(context: AudioContext, stream: MediaStream): boolean {
  try {
    context.createMediaStreamSource(stream).disconnect();
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") return false;
    throw error;
  }
}
