/** A kind of file that holds no readable text: how it begins, its name, and what to do. */
interface Kind {
  readonly begins: string
  /** Position of `begins`; 0 by default. */
  readonly at?: number
  readonly is: string
  readonly advice: string
}

const AS_TEXT = 'write the captions as JSON or CSV'

const KINDS: readonly Kind[] = [
  { begins: 'BZh', is: 'bzip2', advice: 'unpack it with "bunzip2"' },
  { begins: '\xfd7zXZ', is: 'xz', advice: 'unpack it with "unxz"' },
  { begins: '\x28\xb5\x2f\xfd', is: 'Zstandard', advice: 'unpack it with "unzstd"' },
  { begins: '7z\xbc\xaf\x27\x1c', is: 'a 7z archive', advice: 'unpack it with "7z x"' },
  { begins: 'Rar!', is: 'a RAR archive', advice: 'unpack it first' },
  { begins: 'ustar', at: 257, is: 'a tar archive', advice: 'unpack it with "tar -xf"' },
  { begins: '\x89HDF', is: 'HDF5', advice: AS_TEXT },
  { begins: 'PAR1', is: 'Parquet', advice: AS_TEXT },
  { begins: 'SQLite format 3', is: 'an SQLite database', advice: AS_TEXT },
  { begins: '\x93NUMPY', is: 'a NumPy array', advice: AS_TEXT },
  { begins: '\x80\x02', is: 'a Python pickle', advice: 'write it with json.dump' },
  { begins: '\x80\x03', is: 'a Python pickle', advice: 'write it with json.dump' },
  { begins: '\x80\x04', is: 'a Python pickle', advice: 'write it with json.dump' },
  { begins: '\x80\x05', is: 'a Python pickle', advice: 'write it with json.dump' },
  { begins: '\xd0\xcf\x11\xe0', is: 'an old Office document', advice: 'save it as CSV in UTF-8' },
  { begins: '%PDF', is: 'a PDF', advice: AS_TEXT },
  { begins: '\xff\xd8\xff', is: 'a JPEG image', advice: 'give the file with the captions' },
  { begins: '\x89PNG', is: 'a PNG image', advice: 'give the file with the captions' },
]

/** What bytes are by how they begin, if it is a known kind without readable text: `it is HDF5; write ...`. */
export function binaryFault(bytes: Uint8Array): string | undefined {
  const kind = KINDS.find(({ begins, at = 0 }) => [...begins].every((char, i) => bytes[at + i] === char.charCodeAt(0)))
  return kind && `it is ${kind.is}; ${kind.advice}`
}

/** What text is if it was downloaded instead of the file: an HTML page, or the pointer of Git LFS. */
export function downloadFault(text: string): string | undefined {
  if (/^\s*<(!doctype|html|\?xml|head|body)\b/i.test(text)) return 'it is an HTML or XML page; download the file itself'
  if (text.startsWith('version https://git-lfs.github.com/spec'))
    return 'it is the pointer of a file in Git LFS; fetch the file with "git lfs pull"'
  return undefined
}
