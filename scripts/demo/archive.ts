/** What arrived in MongoDB, read with a client that is not the engine's. */
import { MongoClient } from 'mongodb';

export interface ArchivedDocument {
  readonly id: string;
  readonly kind: string;
}

/** Every document that one ledger's messages have made, by their ids; a server that others use may hold more. */
export async function archived(url: string, instance: string): Promise<readonly ArchivedDocument[]> {
  const client = await MongoClient.connect(url);
  try {
    const documents = client.db('harbor').collection<{ _id: string; kind?: string }>('documents');
    const found = await documents.find({ _id: new RegExp(`^${instance}-`) }, { projection: { kind: 1 } }).toArray();
    return found.map(({ _id, kind }) => ({ id: String(_id), kind: String(kind) }));
  } finally {
    await client.close();
  }
}
