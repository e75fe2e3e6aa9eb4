/** Set by the build: where the recorder's worker and worklet are, seen from the module that starts them. */
declare const WORKER_FILE: string;
declare const WORKLET_FILE: string;
