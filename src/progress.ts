/** A progress callback of long-running functions: called with the number of items done and their total. */
export type Progress = (done: number, total: number) => void

/** Options that every long-running function accepts. */
export interface Watch {
  readonly onProgress?: Progress
  /** Stops the function cleanly; its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}
