/** What is asked of an endpoint; model and dimensions are part of the contract, where it is served is not. */
export interface Question {
  readonly model: string;
  readonly dimensions: number;
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
}

/** Vectors of an endpoint with OpenAI's `POST /embeddings`: OPENAI_BASE_URL, and OPENAI_API_KEY if it asks for one. */
export async function endpointVectors(question: Question): Promise<readonly number[][]> {
  const { model, dimensions, texts } = question;
  const asked = { model, input: texts, encoding_format: "float" };
  let answer = await post({ ...asked, dimensions }, question.signal);
  if (answer.status === 400) {
    // Models of one size only refuse to be told it. The size is checked below, whoever chose it.
    await answer.body?.cancel();
    answer = await post(asked, question.signal);
  }
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${body.slice(0, 300)}`);
  const { data } = JSON.parse(body) as { data: { index: number; embedding: number[] }[] };
  const vectors = data.sort((a, b) => a.index - b.index).map(({ embedding }) => embedding);
  const wrong = vectors.find(({ length }) => length !== dimensions);
  if (vectors.length !== texts.length || wrong) {
    throw new Error(
      `${answer.url}: ${vectors.length} vectors of ${wrong?.length ?? dimensions} numbers for ${texts.length} texts of ` +
        `${model}; the contract says ${dimensions} numbers: correct --dimensions in embed.openai.yaml`,
    );
  }
  return vectors;
}

async function post(body: unknown, signal: AbortSignal): Promise<Response> {
  const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = process.env;
  if (!base) {
    throw new Error("OPENAI_BASE_URL is not set: export the endpoint's, which ends in /v1");
  }
  const url = `${base.replace(/\/$/, "")}/embeddings`;
  const headers = {
    "content-type": "application/json",
    ...(key && { authorization: `Bearer ${key}` }),
  };
  try {
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (cause) {
    throw new Error(`${url} does not answer`, { cause });
  }
}
