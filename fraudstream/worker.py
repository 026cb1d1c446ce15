"""`app` for Faust's own command line: `faust -A fraudstream.worker worker -l info`.

The only module that builds an app when it is imported.
"""

from fraudstream.process.tuning import (
    calm_garbage_collection,
    import_xgboost_alone,
    keep_files_private,
    limit_threads,
    put_off_garbage_collection,
)

limit_threads()
import_xgboost_alone()
put_off_garbage_collection()

from fraudstream.process.logs import mask_card_numbers  # noqa: E402 - the lines above must come first

mask_card_numbers()
keep_files_private()

from fraudstream.app import Ports, create_app  # noqa: E402
from fraudstream.cli import complaining  # noqa: E402
from fraudstream.settings import Settings  # noqa: E402

with complaining():
    settings = Settings()
    app = create_app(settings, Ports.of(settings))
calm_garbage_collection()
