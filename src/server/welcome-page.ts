import { escapeHtml } from '../pages/html.ts'

/** The page at `/` of a server without the built page: how to use the API. */
export const welcomePage = (model: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mia-caption</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
  pre { overflow-x: auto; padding: .75rem; border: 1px solid; border-radius: .25rem }
</style>
</head>
<body>
<main>
<h1>mia-caption</h1>
<p>This server captions pictures with the model <strong>${escapeHtml(model)}</strong>. Send it one:</p>
<pre tabindex="0">curl --data-binary @photo.jpg -H "Content-Type: image/jpeg" ADDRESS/v1/caption
curl -F image=@photo.jpg "ADDRESS/v1/caption?explain=1"</pre>
<p>The API is described in <a href="openapi.json">openapi.json</a>. Clients of Ollama and of OpenAI can use it too:
give them the address of this server.</p>
<p>To have the page here that captions pictures in the browser, run <code>npm run build:web</code> in a clone of the
repository, and start the server again.</p>
</main>
</body>
</html>
`
