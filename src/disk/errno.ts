import { UserError } from '../errors.ts'

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your disk quota is exceeded',
  EFBIG: 'it is too large for this disk',
  EIO: 'the disk reports an input/output error',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder',
  ENOTEMPTY: 'the folder is not empty',
  ENXIO: 'it is not a regular file',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'its name is too long',
  EBUSY: 'another program uses it',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ERR_INVALID_ARG_VALUE: 'its name is not a file name',
}

/** The code of an error of the operating system or of Node, as in "ENOENT"; undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/**
 * Describes a failed file operation in words, as in "the disk is full"; undefined if the error is not a system error.
 */
export function describeErrno(error: unknown): string | undefined {
  const code = errorCode(error) ?? ''
  if (Object.hasOwn(WORDS, code)) return WORDS[code]
  return /^E[A-Z0-9]+$/.test(code) ? `the system reports ${code}` : undefined // ERR_... are mistakes of the program
}

/**
 * Throws a UserError such as `Cannot read weights "runs/va/weights.safetensors": there is no such file` for a system
 * error, and any other error as it is. `action` names the operation, as in "read weights".
 */
export function throwFileError(action: string, path: string, error: unknown): never {
  const words = describeErrno(error)
  if (words === undefined) throw error
  throw new UserError(`Cannot ${action} "${path}": ${words}`)
}
