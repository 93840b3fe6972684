// What fhir-kit-client does with a FHIR server, told as JSON on stdin: {baseUrl, bearerToken, search, next}.
// Writes what it read: the CapabilityStatement, the pages of a search (by GET, and by POST), the Schedule
// and actors of the first slot as references resolve to them in the page, and over the network.
import { json } from 'node:stream/consumers';
import { Client } from 'fhir-kit-client';

const { baseUrl, bearerToken, search } = await json(process.stdin);
const client = new Client({ baseUrl, bearerToken });

async function pages(options) {
  const found = [await client.search({ resourceType: 'Slot', searchParams: search, options })];
  for (let page = client.nextPage({ bundle: found[0] }); page; page = client.nextPage({ bundle: found.at(-1) })) {
    found.push(await page);
  }
  return found;
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return { status: error.response.status, data: error.response.data };
  }
}

const capability = await client.capabilityStatement();
const searched = await pages();
const posted = await pages({ postSearch: true });
const [context] = searched;
const slot = context.entry[0].resource;
const schedule = await client.resolve({ reference: slot.schedule.reference, context });
const actors = await Promise.all(schedule.actor.map(({ reference }) => client.resolve({ reference, context })));
const read = [
  await client.read({ resourceType: 'Slot', id: slot.id }),
  await client.resolve({ reference: slot.schedule.reference }),
  ...(await Promise.all(schedule.actor.map(({ reference }) => client.resolve({ reference })))),
];
const errors = [
  await refused(() => client.read({ resourceType: 'Slot', id: 'nobody' })),
  await refused(() => client.search({ resourceType: 'Slot', searchParams: { start: 'ne2025-10-21' } })),
  await refused(() => new Client({ baseUrl }).search({ resourceType: 'Slot', searchParams: search })),
];
console.log(JSON.stringify({ capability, searched, posted, resolved: [slot, schedule, ...actors], read, errors }));
