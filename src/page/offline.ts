/** The longest wait for the service worker, in milliseconds: without it the page works, but not offline. */
const PATIENCE = 4000

/**
 * Starts the service worker that keeps the page's files, and resolves once it sees the page's requests: the files of
 * ONNX Runtime, which are requested next, are to be kept too. Resolves at once where there is none.
 */
export async function offline(): Promise<void> {
  const { serviceWorker } = navigator
  if (!serviceWorker) return
  const controlled = new Promise<void>((resolve) => {
    if (serviceWorker.controller) resolve()
    else serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true })
  })
  const late = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE))
  const registered = serviceWorker.register('service-worker.js').catch(() => late)
  await Promise.race([Promise.all([registered, controlled]), late])
}
