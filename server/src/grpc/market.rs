//! `klinecast.v1.MarketService`.

use proto::v1;
use tonic::{Request, Response, Status};

use crate::access::audit::Note;
use crate::convert;
use crate::service::Service;

#[derive(Debug)]
pub(super) struct Market(pub(super) Service);

#[tonic::async_trait]
impl v1::market_service_server::MarketService for Market {
    async fn list_gaps(
        &self,
        request: Request<v1::ListGapsRequest>,
    ) -> Result<Response<v1::ListGapsResponse>, Status> {
        let v1::ListGapsRequest { symbol, unfilled_only } = request.into_inner();
        let gaps = self.0.gaps(&symbol, unfilled_only).map_err(|refusal| convert::status(&refusal))?;
        Ok(Response::new(v1::ListGapsResponse { gaps: gaps.iter().map(convert::gap).collect() }))
    }

    async fn follow_symbols(
        &self,
        request: Request<v1::FollowSymbolsRequest>,
    ) -> Result<Response<v1::FollowSymbolsResponse>, Status> {
        let v1::FollowSymbolsRequest { add, remove } = request.get_ref();
        Note::about(request.extensions(), format_args!("follow {add:?}, unfollow {remove:?}"));
        let followed = self.0.follow(add, remove).await.map_err(|refusal| convert::status(&refusal))?;
        let symbols = followed.iter().map(ToString::to_string).collect();
        Ok(Response::new(v1::FollowSymbolsResponse { symbols }))
    }
}
