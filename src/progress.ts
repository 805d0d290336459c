/** Called by slow functions with how much is done of how much. */
export type Progress = (done: number, total: number) => void

/** What every slow function accepts: a progress callback and a signal that stops it cleanly. */
export interface Watch {
  readonly onProgress?: Progress
  readonly signal?: AbortSignal
}
