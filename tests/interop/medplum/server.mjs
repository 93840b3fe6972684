// Medplum's FHIR router over its MemoryRepository, served over HTTP: PUT and POST load, GET searches.
// PAGE is the largest page, LINKS=relative leaves the host out of `next`. Prints its base URL and serves
// until its standard input ends. Its paging is by its own `_offset`; only the links are put in here.
import './definitions.mjs';
import { createServer } from 'node:http';
import { formatSearchQuery, getStatus, validateResource } from '@medplum/core';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

const { PAGE = '100', LINKS = 'absolute' } = process.env;

class Store extends MemoryRepository {
  async createResource(resource) {
    validateResource(resource);
    return super.createResource(resource);
  }
  async search(request) {
    const offset = request.offset ?? 0;
    const count = Math.min(request.count ?? Infinity, Number(PAGE));
    const page = await super.search({ ...request, offset, count });
    const query = formatSearchQuery({ ...request, offset: offset + count, count });
    const url = `${LINKS === 'relative' ? '/fhir/R4' : base}/${request.resourceType}${query}`;
    return { ...page, link: offset + count < page.total ? [{ relation: 'next', url }] : undefined };
  }
}

const router = new FhirRouter();
const store = new Store();
const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  const url = request.url.replace('/fhir/R4/', '');
  const asked = { method: request.method, url, pathname: '', query: {}, params: {}, headers: request.headers };
  const [outcome, resource] = await router.handleRequest({ ...asked, body: body && JSON.parse(body) }, store);
  response.writeHead(getStatus(outcome), { 'Content-Type': 'application/fhir+json' });
  response.end(JSON.stringify(resource ?? outcome));
});
let base;
server.listen(0, '127.0.0.1', () => {
  base = `http://127.0.0.1:${server.address().port}/fhir/R4`;
  console.log(base);
});
process.stdin.resume().on('end', () => process.exit());
