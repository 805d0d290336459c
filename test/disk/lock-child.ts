// Takes a lock on request, and keeps it until asked to release it, or killed. Answers "taken" or the
// error.
import { Lock } from '../../src/disk/lock.ts'

let lock: Lock | undefined
process.on('message', async (message: { take?: string }) => {
  if (message.take === undefined) {
    await lock!.release()
    process.send!('released')
    return
  }
  const answer = await Lock.take(message.take, 'run folder "runs/a"').then(
    (taken) => {
      lock = taken
      return 'taken'
    },
    (error: Error) => error.message,
  )
  process.send!(answer)
})
process.send!('ready')
