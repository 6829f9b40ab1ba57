# A backend server. Any image with Python will do: --build-arg PYTHON_IMAGE=…
ARG PYTHON_IMAGE=python:3-slim
FROM ${PYTHON_IMAGE}
COPY server.py /srv/server.py
USER 65534:65534
EXPOSE 5000
CMD ["python3", "/srv/server.py"]
