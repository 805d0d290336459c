import { expect, test } from 'vitest'
import { escapeHtml, percent } from '../../src/pages/html.ts'
import { document, documentParts } from '../../src/pages/layout.ts'

test('a document declares language, charset, width and both color schemes, and forbids every request', () => {
  const html = document('<b> & "c"', { style: 'p { color: red }', body: '<p>text</p>', script: 'let a' })
  expect(html).toMatch(/^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n/)
  expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">')
  expect(html).toContain('<meta name="color-scheme" content="light dark">')
  expect(html).toContain(`content="default-src 'none'; img-src data:;`)
  expect(html).toContain('<title>&#60;b&#62; &#38; &#34;c&#34;</title>')
  expect(html).toMatch(/p \{ color: red \}<\/style>\n<\/head>\n<body>\n<p>text<\/p>\n<script>let a<\/script>\n<\/body>/)
  expect(document('a', { style: '', body: '' })).not.toContain('<script>')
})

test('documentParts() makes the same document as document()', async () => {
  async function* body() {
    yield '<p>'
    yield 'text</p>'
  }
  let html = ''
  for await (const part of documentParts('a', { style: 's', body: body(), script: 'let a' })) html += part
  expect(html).toBe(document('a', { style: 's', body: '<p>text</p>', script: 'let a' }))
})

test('escapeHtml() escapes what ends text and attribute values', () => {
  expect(escapeHtml(`<a href="x" title='y'>&`)).toBe('&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;')
})

test('percent() has two digits, and a positive fraction never reads as zero', () => {
  const fractions = [0, 1e-9, 0.0004, 0.001, 0.034, 0.0994, 0.0995, 0.344, 1]
  expect(fractions.map(percent)).toEqual(['0.0%', '&lt;0.1%', '&lt;0.1%', '0.1%', '3.4%', '9.9%', '10%', '34%', '100%'])
})
