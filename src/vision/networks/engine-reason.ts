import type { EngineError } from '../../engine/session.ts'

/** The longest reason that fits a line of a message. */
const MAX_LENGTH = 300

/** A message in one line, whatever names the file has in it. */
export const oneLine = (message: string): string => message.replaceAll(/[\s\p{Cc}]+/gu, ' ')

/** What ONNX Runtime says in an error, in one line, without the places in its source code. */
export function engineReason({ message }: EngineError): string {
  const line = oneLine(message)
    .replaceAll(/\/?\S*onnxruntime\/core\/\S+:\d+ (\S+ )*?[\w:<>~]+\([^)]*\)( \[[^\]]*\])?( const)? ?/g, '')
    .replace(
      /^(Load model failed: ?|Load model from .* failed: ?|Exception during initialization: ?|Fatal error: )+/i,
      '',
    )
    .replace(/^.*?In Node, \("[^"]*", (\w+), .*? -> \("([^"]*)".*?\) , Error /, 'at "$2" ($1): ')
    .trim()
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line
}
