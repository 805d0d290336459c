import type { CaptionOptions } from '../../caption/caption-options.ts'
import type { ExplainedCaption, ImageCaption } from '../../caption/photo-caption.ts'
import type { WebIndex } from '../../caption/web-index.ts'
import type { ImageInput } from '../../engine/pictures.ts'
import type { CaptionerConfig } from '../../models/config.ts'
import type { WebBackend } from './runtime.ts'

/** What a captioner in a page is made of, and what it computes with. */
export interface CaptionerInfo {
  readonly backend: WebBackend
  /** threads of WebAssembly */
  readonly threads: number
  readonly model: CaptionerConfig
  readonly index: WebIndex
  /** whether a caption's confidence is the probability that it fits, not the mean probability of its words */
  readonly calibrated: boolean
}

/** Work for the worker. */
export type WebRequest =
  | {
      readonly kind: 'load'
      /** the folder that `mia export --web` wrote */
      readonly folder: string
      /** the folder of ONNX Runtime's files */
      readonly runtime: string
      readonly backend: WebBackend
    }
  | {
      readonly kind: 'caption' | 'explain'
      readonly image: ImageInput | Blob
      readonly options: Omit<CaptionOptions, 'signal'>
    }

/** The result of each kind of work. */
export interface WebResults {
  readonly load: CaptionerInfo
  readonly caption: ImageCaption
  readonly explain: ExplainedCaption
}

/** A message to the worker: work with a number, or the number of work to abort. */
export type ToWorker = { readonly id: number; readonly request: WebRequest } | { readonly abort: number }

/** An error as a message can hold it. */
export interface SentError {
  readonly name: string
  readonly message: string
  /** of an ImageError */
  readonly reason?: string
}

/** A message from the worker about the work of that number: progress in bytes, its result, or its error. */
export type FromWorker =
  | { readonly id: number; readonly progress: readonly [done: number, total: number] }
  | { readonly id: number; readonly result: WebResults[WebRequest['kind']] }
  | { readonly id: number; readonly error: SentError }
