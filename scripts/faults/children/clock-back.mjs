// Loaded before a program (NODE_OPTIONS=--import): its clock is two days behind.
const BEHIND_MS = 2 * 24 * 60 * 60 * 1000
const { now } = Date
Date.now = () => now() - BEHIND_MS
globalThis.Date = class extends Date {
  constructor(...parts) {
    if (parts.length === 0) super(Date.now())
    else super(...parts)
  }
}
