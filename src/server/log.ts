/** Writes one line of the log. */
export type WriteLine = (line: string) => void

/** A record of the log; `time`, `level` and `message` come first. */
export interface LogRecord {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly [field: string]: unknown
}

/** Control characters that JSON.stringify() leaves, line separators, and marks that reverse the direction of text. */
const UNSAFE = /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu

/** A record as a line of JSON in which no character can act on a terminal. */
export const logLine = ({ level, message, ...rest }: LogRecord, time: Date): string =>
  JSON.stringify({ time: time.toISOString(), level, message, ...rest }).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
