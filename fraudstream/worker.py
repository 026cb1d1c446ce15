"""`app` for Faust's own command line: `faust -A fraudstream.worker worker -l info`.

The only module that builds an app when it is imported.
"""

from fraudstream.app import Ports, create_app
from fraudstream.settings import Settings

settings = Settings()
app = create_app(settings, Ports.of(settings))
