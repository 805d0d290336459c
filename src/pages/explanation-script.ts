/**
 * The script of the explanation page. A word under the pointer or in focus shows its attention on the large picture. A
 * region under the pointer, or chosen with the arrow keys, shows its concepts in the table.
 */
export const EXPLANATION_SCRIPT = `
for (const article of document.querySelectorAll('article')) {
  const { maps, alignments } = JSON.parse(article.querySelector('script').textContent)
  const large = article.querySelector('.large')
  const shade = large.querySelector('.shade')
  const holes = shade.querySelectorAll('.hole')
  const showMap = (map) => {
    shade.toggleAttribute('hidden', !map)
    if (!map) return
    const largest = Math.max(...map)
    holes.forEach((hole, i) => hole.setAttribute('opacity', map[i] / largest))
  }
  article.querySelectorAll('.words li').forEach((word, t) => {
    for (const event of ['mouseenter', 'focus']) word.addEventListener(event, () => showMap(maps?.[t]))
    for (const event of ['mouseleave', 'blur']) word.addEventListener(event, () => showMap())
  })

  const rows = article.querySelector('tbody')
  if (!alignments || !rows) continue
  const which = article.querySelector('.which')
  const [firstRows, firstWhich] = [rows.innerHTML, which.textContent]
  const outline = (region) => {
    for (const each of article.querySelectorAll('.regions .on')) each.classList.remove('on')
    article.querySelector('.regions rect[data-region="' + region + '"]')?.classList.add('on')
  }
  const bars = (concepts) => concepts.map(([word, weight]) => {
    const bar = document.createElement('span')
    bar.className = 'weight'
    bar.style.setProperty('--weight', weight)
    bar.textContent = word + ' '
    const percent = document.createElement('small')
    percent.textContent = (100 * weight).toFixed(weight < 0.0995 ? 1 : 0) + '%'
    bar.append(percent)
    return bar.outerHTML
  }).join('')
  let chosen
  const showRegion = (region) => {
    chosen = region
    outline(region)
    which.textContent = 'region ' + (region + 1) + ' of ' + alignments.length
    const { before, after } = alignments[region]
    rows.innerHTML = '<tr><th></th><td>' + bars(before) + '</td><td>' + bars(after) + '</td></tr>'
  }
  const reset = () => {
    chosen = undefined
    outline()
    which.textContent = firstWhich
    rows.innerHTML = firstRows
  }
  large.addEventListener('mouseover', ({ target }) => {
    if (target.dataset?.region !== undefined) showRegion(Number(target.dataset.region))
  })
  for (const event of ['mouseleave', 'blur']) large.addEventListener(event, reset)
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }
  large.addEventListener('keydown', (event) => {
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault() // the page would scroll
    const count = alignments.length
    showRegion(chosen === undefined ? (step > 0 ? 0 : count - 1) : (chosen + step + count) % count)
  })
  rows.addEventListener('mouseover', ({ target }) => outline(target.closest('tr')?.dataset.region))
  rows.addEventListener('mouseleave', () => outline())
}
`
