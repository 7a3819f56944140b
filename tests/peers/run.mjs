// First sync of a register from PouchDB to pouchdb-server (express-pouchdb), each in a process of its own, LevelDB at both
// ends, plain HTTP over loopback. Reads one JSON document a line; prints one line of JSON: documents, seconds, bytes.
//
//   node run.mjs DOCUMENTS.ndjson FOLDER
import { spawn } from 'node:child_process';
import { createReadStream, mkdirSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';
import express from 'express';
import expressPouch from 'express-pouchdb';
import PouchDB from 'pouchdb';

const [first, second, third] = process.argv.slice(2);
if (first === 'server') serve(second, Number(third));
else await measure(first, second);

function serve(folder, port) {
  const Server = PouchDB.defaults({ prefix: folder + '/' });
  const app = express();
  app.use('/', expressPouch(Server, { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: folder + '/log.txt' }));
  app.listen(port, '127.0.0.1', () => process.stdout.write('ready\n'));
}

async function measure(file, folder) {
  mkdirSync(folder + '/server', { recursive: true });
  const port = await freePort();
  const server = spawn(process.execPath, [import.meta.filename, 'server', folder + '/server', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => server.stdout.once('data', resolve));
  const line = await countingLine(port);

  const local = new PouchDB(folder + '/local');
  let documents = 0;
  let batch = [];
  for await (const text of createInterface({ input: createReadStream(file) })) {
    batch.push(JSON.parse(text));
    documents += 1;
    if (batch.length === 1000) await local.bulkDocs(batch.splice(0));
  }
  await local.bulkDocs(batch);

  const start = process.hrtime.bigint();
  const done = await local.replicate.to(`http://127.0.0.1:${line.port}/register`, { batch_size: 1000 });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (!done.ok || done.docs_written !== documents) throw new Error(JSON.stringify(done));
  process.stdout.write(JSON.stringify({ documents, seconds, bytes: line.bytes() }) + '\n');
  server.kill();
  process.exit(0);
}

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// Counts what the client says, as our own line does.
function countingLine(port) {
  let bytes = 0;
  const line = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1');
    client.on('data', (data) => (bytes += data.length));
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  });
  return new Promise((resolve) => line.listen(0, '127.0.0.1', () => resolve({ port: line.address().port, bytes: () => bytes })));
}
