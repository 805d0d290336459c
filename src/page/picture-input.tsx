import { useEffect, useState } from 'preact/hooks'
import { TEXTS } from './texts.ts'

/** A picture to caption. */
export interface Picture {
  readonly blob: Blob
  readonly name: string
}

/** The drawings that come with the page, by their files in `examples/`. */
const EXAMPLES = ['dog', 'child', 'beach', 'bicycle'] as const

/** Drop, paste, choose or photograph a picture, or take an example. `onFault` is called for other things. */
export function PictureInput({
  onPicture,
  onFault,
}: {
  onPicture: (picture: Picture) => void
  onFault: (message: string) => void
}) {
  const [over, setOver] = useState(false)
  const take = (files: Iterable<File> | undefined | null): void => {
    const all = [...(files ?? [])]
    const file = all.find(({ type }) => type.startsWith('image/')) ?? all[0]
    if (file) onPicture({ blob: file, name: file.name })
    else onFault(TEXTS.notAPicture)
  }
  useEffect(() => {
    const onPaste = ({ clipboardData }: ClipboardEvent): void => take(clipboardData?.files)
    const onDragOver = (event: DragEvent): void => {
      event.preventDefault()
      setOver(true)
    }
    const onDragLeave = ({ relatedTarget }: DragEvent): void => setOver(relatedTarget !== null)
    const onDrop = (event: DragEvent): void => {
      event.preventDefault()
      setOver(false)
      take(event.dataTransfer?.files)
    }
    addEventListener('paste', onPaste)
    addEventListener('dragover', onDragOver)
    addEventListener('dragleave', onDragLeave)
    addEventListener('drop', onDrop)
    return () => {
      removeEventListener('paste', onPaste)
      removeEventListener('dragover', onDragOver)
      removeEventListener('dragleave', onDragLeave)
      removeEventListener('drop', onDrop)
    }
  }, [])
  const takeExample = async (name: string): Promise<void> => {
    try {
      const response = await fetch(`examples/${name}.jpg`)
      if (!response.ok) throw new Error(`${response.status}`)
      onPicture({ blob: await response.blob(), name })
    } catch (error) {
      onFault((error as Error).message)
    }
  }
  return (
    <section class={over ? 'input over' : 'input'}>
      <div class="ways">
        <span class="drop">{TEXTS.drop}</span>
        <FileButton label={TEXTS.choose} onFiles={take} />
        <FileButton label={TEXTS.photograph} camera onFiles={take} />
      </div>
      <div class="examples">
        <h2>{TEXTS.examples}</h2>
        <ul>
          {EXAMPLES.map((name) => (
            <li key={name}>
              <button type="button" onClick={() => takeExample(name)} title={TEXTS.drawn}>
                <img src={`examples/${name}.jpg`} alt={TEXTS.example(name)} width={64} height={64} />
              </button>
            </li>
          ))}
        </ul>
      </div>
    </section>
  )
}

/** A button that opens the files of the device, or its camera. */
function FileButton({
  label,
  camera = false,
  onFiles,
}: {
  label: string
  camera?: boolean
  onFiles: (files: FileList | null) => void
}) {
  return (
    <label class={camera ? 'file camera' : 'file'}>
      <input
        type="file"
        accept="image/*"
        {...(camera && { capture: 'environment' as const })}
        onChange={({ currentTarget }) => {
          if (currentTarget.files?.length) onFiles(currentTarget.files)
          currentTarget.value = ''
        }}
      />
      <span>{label}</span>
    </label>
  )
}
