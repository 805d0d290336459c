/** Control characters, line separators, and the marks that reverse the direction of text. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/** Text of a file for a message: control characters become `\x1b`, others that hide or reorder text `\u{202e}`. */
export const visible = (text: string): string =>
  text.replace(CONTROL, (char) => {
    const code = char.codePointAt(0)!.toString(16)
    return char <= '\xff' ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
  })
