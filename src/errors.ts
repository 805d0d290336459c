/** A mistake in what the user gave: the message alone is shown, never a stack trace. */
export class UserError extends Error {
  override readonly name: string = 'UserError'
}

/** A mistake in how a command was called: exit status 2. */
export class UsageError extends UserError {
  override readonly name = 'UsageError'
}
