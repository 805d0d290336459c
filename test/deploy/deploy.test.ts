// There is no container engine where these tests run: the files are linted, and what they say of the server is checked.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { Service } from 'kubernetes-models/v1/Service'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { serve } from '../../src/cli/commands/serve.ts'
import { optionName } from '../../src/cli/options.ts'
import { operationEndpoints } from '../../src/server/operations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
const documents = parseAllDocuments(readFileSync(join(root, 'deploy/kubernetes.yaml'), 'utf8'))
const [deployment, service] = documents.map((document) => document.toJS()) as [
  ConstructorParameters<typeof Deployment>[0] & {
    // biome-ignore lint/suspicious/noExplicitAny: its form is what is checked
    spec: any
  },
  ConstructorParameters<typeof Service>[0] & {
    // biome-ignore lint/suspicious/noExplicitAny: its form is what is checked
    spec: any
  },
]
const container = deployment.spec.template.spec.containers[0]
const paths = operationEndpoints({ metrics: {} as never, version: '0', isStopping: () => false }, [])
  .filter(({ open }) => open)
  .map(({ path }) => path)

/** Whether `mia serve` has the option of `--name` or `--name=value`. */
const isOption = (argument: string): boolean => {
  const name = /^--([a-z-]+)/.exec(argument)?.[1]
  return Object.keys(serve.options).some((key) => optionName(key) === name)
}

test('the Dockerfile has no fault that the linter knows', () => {
  expect(validate(dockerfile, {}).map(({ message }) => message)).toEqual([])
})

test('it has two stages, and runs mia serve as another user than root, with a health check', () => {
  expect(dockerfile.match(/^FROM /gm)).toHaveLength(2)
  expect(dockerfile).toMatch(/^USER node$/m)
  const health = /^HEALTHCHECK[\s\S]*?CMD (\[.*\])$/m.exec(dockerfile)![1]!
  expect(paths).toContain(/:8080(\/\w+)/.exec(JSON.parse(health).at(-1))![1])
  const [node, main, command, ...options] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!)
  expect([node, main, command]).toEqual(['node', 'dist/cli/main.js', 'serve'])
  expect(options.filter((each: string) => each.startsWith('--')).every(isOption)).toBe(true)
})

test('what it copies and captions is there', () => {
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').trim().split('\n')
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \.\/$/gm)].flatMap(([, names]) => names!.split(' '))
  const [, picture] = /main\.js caption (\S+)/.exec(dockerfile)!
  const kept = [...dockerfile.matchAll(/\/app\/([\w./]+)/g)].map(([, name]) => name!)
  expect(copied).toEqual(['package.json', 'package-lock.json'])
  for (const name of [...copied, picture!, ...kept.filter((name) => !['node_modules', 'dist'].includes(name))]) {
    expect(existsSync(join(root, name)), name).toBe(true)
    expect(ignored).not.toContain(name.split('/')[0])
  }
})

test('the manifests are valid by the schemas of Kubernetes, which refuse a wrong one', () => {
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
  new Deployment(deployment).validate()
  new Service(service).validate()
  const wrong = structuredClone(deployment)
  wrong.spec.template.spec.containers[0].readinessProbe.periodSeconds = 'often'
  expect(() => new Deployment(wrong).validate()).toThrow()
})

test('the manifests fit each other and the server', () => {
  expect(container.args.every(isOption)).toBe(true)
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
    expect(paths).toContain(container[probe].httpGet.path)
  expect(service.spec.selector).toEqual(deployment.spec.template.metadata.labels)
  expect(service.spec.ports[0].targetPort).toBe(container.ports[0].name)
  expect(container.ports[0].containerPort).toBe(serve.options.port!.settings.default)
  const [, folder] = /--token-file=(.*)\/[^/]+$/.exec(container.args[0])!
  expect(container.volumeMounts[0].mountPath).toBe(folder)
  const pause = Number(container.lifecycle.preStop.exec.command[1])
  expect(deployment.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(pause + 10)
  expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
})
