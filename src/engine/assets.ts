/** Where a host keeps the files that networks come from: paths in Node, URLs in a page. */
export interface Assets {
  /** The bytes of a file; `what` names it in errors, as in `network`. Throws UserError if it cannot be read. */
  read(name: string, what: string): Promise<Uint8Array>
  /**
   * The bytes of another file, given by its path from the folder of the file `name`; undefined if it does not exist.
   * Throws UserError if it cannot be read.
   */
  sibling(name: string, path: string, what: string): Promise<Uint8Array | undefined>
  /** The full name of a file, as a run's configuration keeps it: an absolute path, a URL. */
  resolve(name: string): string
  /** The bytes of a file of the network that comes with the package. Throws UserError if it is missing. */
  builtin(file: string): Promise<Uint8Array>
  /**
   * Bytes that can be made again: those kept under `name`, or else made now and kept where the host has a place for
   * them.
   */
  cached(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array>
}
