import { UserError } from '../../errors.ts'

/** CLIP's text encoder has this many positions. */
const POSITIONS = 77

/** Returns the token ids of a text with its start and end token, at most as many as the encoder reads. */
export type ClipTokenizer = (text: string) => number[]

/**
 * CLIP's byte pair encoding from a parsed tokenizer.json, by Hugging Face's library. A text of more than 77 tokens is
 * cut, and its end token is kept. Throws UserError, naming `path`, if it is not a tokenizer.
 */
export async function clipTokenizer(json: unknown, path: string): Promise<ClipTokenizer> {
  const { Tokenizer } = await import('@huggingface/tokenizers')
  const encode = (text: string): number[] => {
    const { ids } = tokenizer.encode(text)
    return ids.length > POSITIONS ? [...ids.slice(0, POSITIONS - 1), ids.at(-1)!] : ids
  }
  let tokenizer: InstanceType<typeof Tokenizer>
  let ids: number[]
  try {
    tokenizer = new Tokenizer(json as object, {})
    ids = encode('a')
  } catch (error) {
    throw new UserError(`Cannot read CLIP's "${path}": it is not a tokenizer (${(error as Error).message})`)
  }
  if (ids.length < 3 || ids.some((id) => !Number.isSafeInteger(id)))
    throw new UserError(`Cannot read CLIP's "${path}": it does not put a start and an end token around a text`)
  return encode
}
