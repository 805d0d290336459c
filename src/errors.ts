/** A mistake in the user's input. The CLI prints its message alone, without a stack trace, and exits with status 1. */
export class UserError extends Error {
  override readonly name: string = 'UserError'
}

/** A mistake in how a command was called. The CLI exits with status 2. */
export class UsageError extends UserError {
  override readonly name = 'UsageError'
}
