"""FastAPI and redis.asyncio, built as such services usually are: a connection manager, a Redis
subscription of its own for each job somebody follows, JSON read and written again on the way.

usage: REDIS_PORT=… uvicorn app:app
"""

import asyncio
import json
import os
from collections import defaultdict

import redis.asyncio as redis
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


class ConnectionManager:
    def __init__(self):
        self.redis = redis.Redis(port=int(os.environ["REDIS_PORT"]), max_connections=20000)
        self.connections: dict[str, set[WebSocket]] = defaultdict(set)
        self.subscriptions: dict[str, asyncio.Task] = {}

    async def connect(self, websocket: WebSocket, job_id: str):
        await websocket.accept()
        self.connections[job_id].add(websocket)
        if job_id not in self.subscriptions:
            self.subscriptions[job_id] = asyncio.create_task(self.subscribe_to_job_updates(job_id))

    def disconnect(self, websocket: WebSocket, job_id: str):
        self.connections[job_id].discard(websocket)
        if not self.connections[job_id]:
            del self.connections[job_id]
            if task := self.subscriptions.pop(job_id, None):
                task.cancel()

    async def subscribe_to_job_updates(self, job_id: str):
        async with self.redis.pubsub() as pubsub:
            await pubsub.subscribe(f"job:{job_id}:updates")
            async for message in pubsub.listen():
                if message["type"] == "message":
                    await self.broadcast_to_job(job_id, json.loads(message["data"]))

    async def broadcast_to_job(self, job_id: str, message: dict):
        for websocket in list(self.connections.get(job_id, ())):
            try:
                await websocket.send_json(message)
            except Exception:  # it has gone; its own endpoint notices
                self.disconnect(websocket, job_id)


manager = ConnectionManager()


@app.websocket("/api/v1/ws/jobs/{job_id}/updates")
async def updates(websocket: WebSocket, job_id: str):
    await manager.connect(websocket, job_id)
    try:
        while True:
            if (await websocket.receive_json()).get("type") == "ping":
                await websocket.send_json({"type": "pong"})
    except WebSocketDisconnect:
        manager.disconnect(websocket, job_id)
